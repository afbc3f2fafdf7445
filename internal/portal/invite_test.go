package portal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/accept"
	"github.com/partner-operator/partner-operator/internal/brand"
	"github.com/partner-operator/partner-operator/internal/brandbook"
	"github.com/partner-operator/partner-operator/internal/form"
	"github.com/partner-operator/partner-operator/internal/keyring/mint"
	"github.com/partner-operator/partner-operator/internal/link"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/token"
	"github.com/partner-operator/partner-operator/internal/tombstone"
)

const inviteUID = "3f2b8a52-6f5b-4c55-9a3d-0c7e3f1d2a10"

// indexes hands the indexes of the cache to a fake client.
type indexes struct{ *fake.ClientBuilder }

func (i indexes) IndexField(_ context.Context, o client.Object, name string, values client.IndexerFunc) error {
	i.WithIndex(o, name, values)
	return nil
}

// open is a portal in which Ada has an open invite into referral, group gold, and the browser that she opens it with.
type open struct {
	*Server
	t    *testing.T
	path string
}

// opened lets Ada's invite ask for the fields, or not.
func opened(t *testing.T, asks v1alpha1.InviteForm, fields ...v1alpha1.FormField) *open {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1alpha1.AddToScheme, corev1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	c := newClock()
	group := &v1alpha1.PartnerGroup{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "gold"},
		Spec: v1alpha1.PartnerGroupSpec{
			ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, DisplayName: "Gold", Join: v1alpha1.GroupJoin{Fields: fields},
		},
	}
	i := &v1alpha1.PartnerInvite{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "ada", UID: inviteUID},
		Spec:       v1alpha1.PartnerInviteSpec{Contact: v1alpha1.Contact{Email: nobodyElse, FirstName: "Ada"}, Form: asks},
		Status: v1alpha1.PartnerInviteStatus{
			Serial: 1, SentTime: &metav1.Time{Time: c.now}, ExpiryTime: &metav1.Time{Time: c.now.Add(time.Hour)},
			Programs: []v1alpha1.ProgramGrant{{Name: "referral", GroupRef: &v1alpha1.GroupReference{Name: "gold"}}},
		},
	}
	builder := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(i, group, &v1alpha1.Partnership{}, &v1alpha1.PartnerTeam{}).WithObjects(group, i, &v1alpha1.Program{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "referral"}, Spec: v1alpha1.ProgramSpec{DisplayName: "Acme Referral"},
		Status: v1alpha1.ProgramStatus{NameSalt: nameSalt},
	})
	if err := errors.Join(lookup.AddIndexes(t.Context(), indexes{builder}), tombstone.AddIndex(t.Context(), indexes{builder})); err != nil {
		t.Fatal(err)
	}
	cluster := builder.Build()
	keys, err := mint.Load(t.Context(), cluster, "operator", c.now)
	if err != nil {
		t.Fatal(err)
	}
	base, err := link.ParseBase("https://partners.example.com")
	if err != nil {
		t.Fatal(err)
	}
	step := &accept.Step{Client: cluster, Live: cluster, Events: events.NewFakeRecorder(16), Now: c.time}
	book := &brandbook.Book{Cache: cluster, Live: cluster, Default: brand.Default(&mail.Address{Address: "partners@acme.example"})}
	s := New(Options{Client: cluster, Live: cluster, Keys: keys, Accept: step, Base: base, Book: book, Now: c.time, Tombstones: &tombstone.Store{
		Pages: cluster, Namespace: "operator", Cache: cluster, Live: cluster, Keys: keys,
	}})
	text, err := keys.Current().Sign(token.PurposeInvite, keys.Current().NewestKeyID(), token.Subject{Namespace: "acme", UID: inviteUID, Serial: 1, Address: nobodyElse})
	if err != nil {
		t.Fatal(err)
	}
	return &open{Server: s, t: t, path: invitePath("acme", text)}
}

// answer is what the portal answered, as a browser reads it.
type answer struct {
	t    *testing.T
	code int
	text string
	*html.Node
}

func (o *open) do(r *http.Request) answer {
	o.t.Helper()
	w := httptest.NewRecorder()
	o.Handler().ServeHTTP(w, r)
	page, err := html.Parse(strings.NewReader(w.Body.String()))
	if err != nil {
		o.t.Fatal(err)
	}
	return answer{o.t, w.Code, w.Body.String(), page}
}

func (o *open) get() answer {
	o.t.Helper()
	return o.do(httptest.NewRequest(http.MethodGet, o.path, nil))
}

// post posts the form with these pairs of names and values.
func (o *open) post(action string, pairs ...string) answer {
	o.t.Helper()
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return o.postBody(action, values.Encode())
}

func (o *open) postBody(action, body string) answer {
	o.t.Helper()
	r := httptest.NewRequest(http.MethodPost, o.path+"/"+action, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return o.do(r)
}

// invite is Ada's invite as it is stored.
func (o *open) invite() *v1alpha1.PartnerInvite {
	o.t.Helper()
	i := &v1alpha1.PartnerInvite{}
	if err := o.Live.Get(o.t.Context(), client.ObjectKey{Namespace: "acme", Name: "ada"}, i); err != nil {
		o.t.Fatal(err)
	}
	return i
}

// elements are those with a tag that have the attributes, given as pairs; an attribute "x" must be x if its value is not *.
func (a answer) elements(tag string, pairs ...string) (found []*html.Node) {
	for n := range a.Descendants() {
		if n.Type != html.ElementNode || n.Data != tag && tag != "*" {
			continue
		}
		fits := true
		for i := 0; i < len(pairs); i += 2 {
			value, has := attribute(n, pairs[i])
			fits = fits && has && (pairs[i+1] == "*" || pairs[i+1] == value)
		}
		if fits {
			found = append(found, n)
		}
	}
	return found
}

// one is the only element that fits.
func (a answer) one(tag string, pairs ...string) *html.Node {
	a.t.Helper()
	found := a.elements(tag, pairs...)
	if len(found) != 1 {
		a.t.Fatalf("the page has %d elements %s %v:\n%s", len(found), tag, pairs, a.text)
	}
	return found[0]
}

func attribute(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func textOf(n *html.Node) string {
	var text strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			text.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(text.String()), " ")
}

func ask(name string, fieldType v1alpha1.FormFieldType, label string) v1alpha1.FormField {
	return v1alpha1.FormField{Name: v1alpha1.FormFieldName(name), Type: fieldType, Label: v1alpha1.LineOfText(label)}
}

func mustAnswer(f v1alpha1.FormField) v1alpha1.FormField {
	f.Required = true
	return f
}

// everything has a field of each type, the even ones required.
func everything() []v1alpha1.FormField {
	size := mustAnswer(ask("company-size", v1alpha1.FieldSelect, "How many are you?"))
	size.Options = []v1alpha1.LineOfText{"1 to 10", "11 to 100", "more"}
	return []v1alpha1.FormField{
		mustAnswer(ask("organization", v1alpha1.FieldText, "Company")),
		ask("website", v1alpha1.FieldURL, "Website"),
		mustAnswer(ask("billing-email", v1alpha1.FieldEmail, "Where do invoices go?")),
		ask("phone", v1alpha1.FieldPhone, "Phone"),
		size,
		ask("country", v1alpha1.FieldCountry, "Country"),
		mustAnswer(ask("consent", v1alpha1.FieldCheckbox, "I have read the partner guide")),
		ask("plans", v1alpha1.FieldLongText, "What do you plan?"),
	}
}

func TestInvitePageShowsTheForm(t *testing.T) {
	page := opened(t, v1alpha1.FormRequire, everything()...).get()
	if page.code != http.StatusOK {
		t.Fatalf("the answer is %d:\n%s", page.code, page.text)
	}
	for name, attributes := range map[string][]string{
		"organization":  {"input", "type", "text", "autocomplete", "organization", "required", "*", "maxlength", "200"},
		"website":       {"input", "type", "url", "autocomplete", "url", "inputmode", "url"},
		"billing-email": {"input", "type", "email", "autocomplete", "email", "inputmode", "email", "required", "*"},
		"phone":         {"input", "type", "tel", "autocomplete", "tel", "inputmode", "tel"},
		"company-size":  {"select", "required", "*"},
		"country":       {"select", "autocomplete", "country"},
		"consent":       {"input", "type", "checkbox", "value", "yes", "required", "*"},
		"plans":         {"textarea", "maxlength", "4000"},
	} {
		page.one(attributes[0], append(attributes[1:], "name", name)...)
	}
	for name, label := range map[string]string{
		"organization": "Company *", "website": "Website", "billing-email": "Where do invoices go? *", "phone": "Phone", "company-size": "How many are you? *",
		"country": "Country", "plans": "What do you plan?",
	} {
		id, _ := attribute(page.one("*", "name", name), "id")
		if got := textOf(page.one("label", "for", id)); got != label {
			t.Errorf("%s is labelled %q, want %q", name, got, label)
		}
	}
	if got := textOf(page.one("label", "class", "tick")); got != "I have read the partner guide *" {
		t.Errorf("the checkbox is labelled %q", got)
	}
	if got := len(page.elements("option")); got != 1+3+1+len(form.Countries) {
		t.Errorf("there are %d options", got)
	}
	if found := page.elements("option", "selected", "*"); len(found) > 0 {
		t.Error("an option is chosen in advance")
	}
	if found := page.elements("*", "aria-invalid", "*"); len(found) > 0 || strings.Contains(page.text, "Please check") {
		t.Error("something is wrong before anything was typed")
	}
	page.isSound()
}

// isSound checks what every page must keep: anchors and descriptions that exist, once each, and no script.
func (a answer) isSound() {
	a.t.Helper()
	ids := map[string]int{}
	for _, n := range a.elements("*", "id", "*") {
		id, _ := attribute(n, "id")
		if ids[id]++; ids[id] > 1 {
			a.t.Errorf("two elements have the id %q", id)
		}
	}
	check := func(n *html.Node, id string) {
		if ids[id] == 0 {
			a.t.Errorf("<%s> points to #%s, which is nowhere", n.Data, id)
		}
	}
	for _, n := range a.elements("*", "aria-describedby", "*") {
		described, _ := attribute(n, "aria-describedby")
		for _, id := range strings.Fields(described) {
			check(n, id)
		}
	}
	for _, n := range a.elements("a", "href", "*") {
		if href, _ := attribute(n, "href"); strings.HasPrefix(href, "#") {
			check(n, href[1:])
		}
	}
	for _, n := range a.elements("label", "for", "*") {
		id, _ := attribute(n, "for")
		check(n, id)
	}
	if len(a.elements("script")) > 0 || len(a.elements("*", "style", "*")) > 0 {
		a.t.Error("the page has a script or a style of its own")
	}
}

func TestInviteAsksNothing(t *testing.T) {
	for name, o := range map[string]*open{
		"with the form skipped":         opened(t, v1alpha1.FormSkip, everything()...),
		"with a form that is not there": opened(t, v1alpha1.FormRequire),
	} {
		t.Run(name, func(t *testing.T) {
			o.t = t
			page := o.get()
			if found := page.elements("*", "name", "*"); page.code != http.StatusOK || len(found) != 2+1 { // two are of <meta>
				t.Errorf("the answer is %d with %d fields:\n%s", page.code, len(found), page.text)
			}
			if got := o.post("accept", "email", nobodyElse, "organization", "\x00", "extra", "1"); got.code != http.StatusSeeOther {
				t.Fatalf("the answer is %d:\n%s", got.code, got.text)
			}
			if fields := o.invite().Status.Acceptance.Fields; fields != nil {
				t.Errorf("%v is kept", fields)
			}
		})
	}
}

func TestAcceptKeepsTheForm(t *testing.T) {
	o := opened(t, v1alpha1.FormRequire, everything()...)
	got := o.post("accept", "email", "ADA@example.com", "organization", " Agency <GmbH> ", "website", "", "billing-email", "money@agency.example",
		"phone", "+49 30 1234567", "company-size", "more", "country", "DE", "consent", "yes", "plans", "One\r\nTwo", "unasked", "x")
	if got.code != http.StatusSeeOther {
		t.Fatalf("the answer is %d:\n%s", got.code, got.text)
	}
	want := map[string]v1alpha1.Answer{
		"organization": "Agency <GmbH>", "billing-email": "money@agency.example", "phone": "+49 30 1234567", "company-size": "more", "country": "DE",
		"consent": "yes", "plans": "One\nTwo",
	}
	i := o.invite()
	if diff := cmp.Diff(want, i.Status.Acceptance.Fields); diff != "" {
		t.Errorf("the invite keeps (-want +got):\n%s", diff)
	}
	p := &v1alpha1.Partnership{}
	if err := o.Live.Get(t.Context(), client.ObjectKey{Namespace: "acme", Name: i.Status.PartnershipRefs[0].Name}, p); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, p.Spec.Application.Fields); diff != "" {
		t.Errorf("the partnership has (-want +got):\n%s", diff)
	}
}

func TestAcceptShowsTheFormAgain(t *testing.T) {
	right := []string{"email", nobodyElse, "organization", "Agency", "billing-email", "money@agency.example", "company-size", "more", "consent", "yes"}
	with := func(pairs ...string) []string { return append(slices.Clone(right), pairs...) }
	without := func(name string) []string {
		at := slices.Index(right, name)
		return slices.Delete(slices.Clone(right), at, at+2)
	}
	for name, test := range map[string]struct {
		posted []string
		wrong  []string // the summary, in order
	}{
		"nothing is filled in": {nil, []string{
			"Your mail address – Please type the address that the invitation was sent to.", "Company – Please fill this in.",
			"Where do invoices go? – Please fill this in.", "How many are you? – Please choose one.", "I have read the partner guide – Please tick this box."}},
		"only the address is wrong":      {append([]string{"email", "eve@example.com"}, right[2:]...), []string{"Your mail address – This invitation was sent to another address. Please type the one that received the mail."}},
		"a company of blanks":            {append(without("organization"), "organization", " \t"), []string{"Company – Please fill this in."}},
		"a company of two":               {with("organization", "Other"), []string{"Company – Please give one answer."}},
		"an unknown size":                {append(without("company-size"), "company-size", "huge"), []string{"How many are you? – Please choose one of the options."}},
		"a site that is a script":        {with("website", "javascript:alert(1)"), []string{"Website – Please type a whole web address, such as https://example.com."}},
		"a site that breaks out":         {with("website", `"><script>alert(1)</script>`), []string{"Website – Please type a whole web address, such as https://example.com."}},
		"plans that close their element": {with("plans", "</textarea><script>\x00"), []string{"What do you plan? – This has characters that cannot be shown. Please type it as plain text."}},
		"a country that there is not":    {with("country", "XX"), []string{"Country – Please choose a country from the list."}},
	} {
		t.Run(name, func(t *testing.T) {
			o := opened(t, v1alpha1.FormRequire, everything()...)
			before := o.invite().Status
			got := o.post("accept", test.posted...)
			if got.code != http.StatusUnprocessableEntity {
				t.Fatalf("the answer is %d:\n%s", got.code, got.text)
			}
			var summary []string
			for _, line := range got.elements("li") {
				if line.Parent.Parent == got.one("div", "role", "alert") {
					summary = append(summary, textOf(line))
				}
			}
			if diff := cmp.Diff(test.wrong, summary); diff != "" {
				t.Errorf("unexpected summary (-want +got):\n%s", diff)
			}
			if got := len(got.elements("*", "aria-invalid", "true")); got != len(test.wrong) {
				t.Errorf("%d fields are marked, want %d", got, len(test.wrong))
			}
			got.isSound()
			got.keeps(test.posted)
			after := o.invite().Status
			after.WrongAddresses = 0
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("more was written than that an address was wrong (-before +after):\n%s", diff)
			}
		})
	}
}

// keeps checks that the fields hold the first of what was typed into each.
func (a answer) keeps(posted []string) {
	a.t.Helper()
	seen := map[string]bool{}
	for i := 0; i < len(posted); i += 2 {
		name, want := posted[i], posted[i+1]
		if seen[name] {
			continue
		}
		seen[name] = true
		n := a.one("*", "name", name)
		got, _ := attribute(n, "value")
		switch n.Data {
		case "textarea":
			got = n.FirstChild.Data
			want = strings.ReplaceAll(want, "\x00", "\ufffd")
		case "select":
			got = ""
			for _, option := range a.elements("option", "selected", "*") {
				if option.Parent == n {
					got, _ = attribute(option, "value")
				}
			}
			if len(a.elements("option", "value", want)) == 0 {
				want = "" // what is no option cannot be kept
			}
		}
		if got != want {
			a.t.Errorf("%s holds %q, want %q", name, got, want)
		}
	}
	if got := len(a.elements("input", "checked", "*")); (got > 0) != seen["consent"] {
		a.t.Errorf("%d boxes are ticked", got)
	}
}

// The form that counts is the one of the moment, not the one of the page.
func TestAcceptAsksWhatTheGroupAsksNow(t *testing.T) {
	o := opened(t, v1alpha1.FormRequire, ask("website", v1alpha1.FieldURL, "Website"))
	group := &v1alpha1.PartnerGroup{}
	if err := o.Live.Get(t.Context(), client.ObjectKey{Namespace: "acme", Name: "gold"}, group); err != nil {
		t.Fatal(err)
	}
	group.Spec.Join.Fields = append(group.Spec.Join.Fields, mustAnswer(ask("vat-id", v1alpha1.FieldText, "VAT number")))
	if err := o.Client.Update(t.Context(), group); err != nil {
		t.Fatal(err)
	}
	if got := o.post("accept", "email", nobodyElse, "website", "https://agency.example"); got.code != http.StatusUnprocessableEntity || !strings.Contains(got.text, "VAT number") {
		t.Errorf("the answer is %d:\n%s", got.code, got.text)
	}
}

func TestDeclineNeedsNoForm(t *testing.T) {
	for name, posted := range map[string][]string{
		"nothing posted":       nil,
		"only the address":     {"email", nobodyElse},
		"a half-filled form":   {"email", nobodyElse, "organization", "", "website", "nonsense"},
		"a form all filled in": {"email", nobodyElse, "organization", "Agency"},
	} {
		t.Run(name, func(t *testing.T) {
			o := opened(t, v1alpha1.FormRequire, everything()...)
			if got := o.post("decline", posted...); got.code != http.StatusSeeOther {
				t.Fatalf("the answer is %d:\n%s", got.code, got.text)
			}
			if answer := o.invite().Status.Acceptance; answer.Decision != v1alpha1.DecisionDeclined || answer.Fields != nil {
				t.Errorf("the invite says %+v", answer)
			}
		})
	}
	o := opened(t, v1alpha1.FormRequire, everything()...)
	got := o.post("decline", "email", "eve@example.com", "organization", "Agency")
	if got.code != http.StatusUnprocessableEntity || len(got.elements("*", "aria-invalid", "true")) != 1 {
		t.Errorf("a wrong address: the answer is %d:\n%s", got.code, got.text)
	}
	got.keeps([]string{"email", "eve@example.com", "organization", "Agency"})
}

func TestFormsAreBounded(t *testing.T) {
	var long []v1alpha1.FormField
	posted := url.Values{"email": {nobodyElse}}
	for n := range 30 {
		long = append(long, ask(fmt.Sprintf("q-%d", n), v1alpha1.FieldLongText, fmt.Sprintf("Question %d", n)))
		posted.Set(fmt.Sprintf("q-%d", n), strings.Repeat("ü", form.MaxLongText/2))
	}
	for name, test := range map[string]struct {
		action, body string
		want         int
	}{
		"the longest answers that pass":   {"accept", posted.Encode(), http.StatusSeeOther},
		"a form longer than any":          {"accept", "email=" + strings.Repeat("a", maxApplication), http.StatusBadRequest},
		"a long form where none is asked": {"decline", "email=" + strings.Repeat("a", maxBody), http.StatusBadRequest},
		"a form that cannot be read":      {"accept", "email=%zz", http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			o := opened(t, v1alpha1.FormRequire, long...)
			if got := o.postBody(test.action, test.body); got.code != test.want {
				t.Errorf("the answer is %d, want %d:\n%.2000s", got.code, test.want, got.text)
			}
		})
	}
}

func TestEveryTypeOfFieldIsShown(t *testing.T) {
	for _, field := range everything() {
		if _, known := inputs[field.Type]; !known {
			t.Errorf("%s is not shown", field.Type)
		}
	}
	if len(inputs) != len(everything()) {
		t.Error("these fields do not have every type")
	}
}

// Names that look like parts of others must not make two elements the same.
func TestFieldNamesDoNotCollide(t *testing.T) {
	var fields []v1alpha1.FormField
	for _, name := range []string{"website", "error-website", "hint-website", "field-website", "email-hint", "email-error", "main", "action", "submit", "id"} {
		fields = append(fields, mustAnswer(ask(name, v1alpha1.FieldURL, name)))
	}
	o := opened(t, v1alpha1.FormRequire, fields...)
	o.get().isSound()
	o.post("accept").isSound()
}
