package brandbook

import (
	"context"
	netmail "net/mail"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/brand"
	"github.com/partner-operator/partner-operator/internal/mail"
	"github.com/partner-operator/partner-operator/internal/program"
)

func inNamespace(namespace string, c *corev1.ConfigMap) *corev1.ConfigMap {
	c.Namespace = namespace
	return c
}

// soon fails if something does not come to an end while others are still at it.
func soon(t *testing.T, what string, work func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); work() }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s waits for the template of another", what)
	}
}

// A template that takes long is waited for by who needs it, and by nobody else.
func TestATemplateThatTakesLongHoldsUpNobodyElse(t *testing.T) {
	c := cluster(
		inNamespace("other", configMap("slow", map[string]string{"text": "{{.Link}} slow"})),
		inNamespace("other", configMap("quick", map[string]string{"text": "{{.Link}}"})),
		configMap(brand.ConfigMapName, map[string]string{"displayName": "Acme"}),
		configMap("good", map[string]string{"text": "{{.Link}}"}),
	)
	book, _ := open(c, c)
	begun, goOn := make(chan struct{}), make(chan struct{})
	var parsed atomic.Int32
	book.parse = func(kind v1alpha1.MailKind, data map[string]string) (*mail.Template, error) {
		if strings.Contains(data["text"], "slow") && kind == v1alpha1.MailInvite {
			if parsed.Add(1) == 1 {
				close(begun)
			}
			<-goOn
		}
		return mail.ParseTemplate(kind, data)
	}
	template := func(namespace, name string, kind v1alpha1.MailKind) {
		if template, wrong, err := book.Template(t.Context(), namespace, name, kind); template == nil || wrong != nil || err != nil {
			t.Errorf("%s in %s: %v, %v", name, namespace, wrong, err)
		}
	}
	var waiting sync.WaitGroup
	for range 5 {
		waiting.Go(func() { template("other", "slow", v1alpha1.MailInvite) })
	}
	<-begun
	soon(t, "the brand of acme", func() {
		if got := book.mustName(t); got != "Acme" {
			t.Errorf("the brand is %q", got)
		}
	})
	soon(t, "the brand of a namespace without one", func() { _, _ = book.Brand(t.Context(), "third") })
	soon(t, "whether a ConfigMap matters", func() { book.Matters(configMap("good", nil)) })
	soon(t, "the template of acme", func() { template("acme", "good", v1alpha1.MailInvite) })
	soon(t, "another template of the namespace", func() { template("other", "quick", v1alpha1.MailInvite) })
	soon(t, "the same for another mail", func() { template("other", "slow", v1alpha1.MailApproved) })
	close(goOn)
	waiting.Wait()
	if parsed.Load() != 1 {
		t.Errorf("it was parsed %d times for five who asked", parsed.Load())
	}
}

// A ConfigMap that changes in nothing but its metadata says what it said.
func TestATemplateIsParsedOnceForEachChange(t *testing.T) {
	ours := configMap("good", map[string]string{"text": "{{.Link}}"})
	c := cluster(ours)
	book, _ := open(c, c)
	parsed := 0
	book.parse = func(kind v1alpha1.MailKind, data map[string]string) (*mail.Template, error) {
		parsed++
		return mail.ParseTemplate(kind, data)
	}
	look := func(want int) {
		t.Helper()
		for range 2 {
			if _, wrong, err := book.Template(t.Context(), "acme", "good", v1alpha1.MailInvite); wrong != nil || err != nil {
				t.Fatal(wrong, err)
			}
		}
		if parsed != want {
			t.Errorf("it was parsed %d times, want %d", parsed, want)
		}
	}
	look(1)
	for _, change := range []string{"1", "2"} {
		ours.Annotations = map[string]string{"change": change}
		if err := c.Update(t.Context(), ours); err != nil {
			t.Fatal(err)
		}
		look(1)
	}
	ours.Data["text"] = "{{.Link}}!"
	if err := c.Update(t.Context(), ours); err != nil {
		t.Fatal(err)
	}
	look(2)
}

// Who may name a ConfigMap in an invite may not be allowed to read it.
func TestAForeignConfigMapIsNotQuoted(t *testing.T) {
	const secret = "swordfish"
	foreign := map[string]map[string]string{
		"settings":  {secret + "_PASSWORD": secret},
		"script":    {"text": "{{." + secret + "}}"},
		"functions": {"text": "{{" + secret + " 1}}"},
		"open":      {"text": "{{.Link}}\n{{if `" + secret},
		"words":     {"text": secret},
		"both":      {"text": "{{.Link}}", secret: "x"},
		"printed":   {"text": "{{.Link}}{{or . `" + secret + "`}}"},
		"nothing":   nil,
	}
	var objects []client.Object
	for name, data := range foreign {
		labeled := configMap("labeled-"+name, data)
		labeled.Labels = map[string]string{v1alpha1.TemplateLabel: "true"}
		wrong := configMap("mislabeled-"+name, data)
		wrong.Labels = map[string]string{v1alpha1.TemplateLabel: "false"}
		objects = append(objects, configMap(name, data), labeled, wrong)
	}
	c := cluster(objects...)
	book, _ := open(c, c)
	ofReader := &Book{Cache: c, Live: c, Default: book.Default, Quotes: true}
	tell := func(b *Book, name string) string {
		template, wrong, err := b.Template(t.Context(), "acme", name, v1alpha1.MailInvite)
		if template != nil || wrong == nil || err != nil || wrong.Reason != v1alpha1.ReasonTemplateInvalid {
			t.Fatalf("%s: %v, %v", name, wrong, err)
		}
		return wrong.Message
	}
	for name := range foreign {
		if said := tell(book, name); strings.Contains(said, secret) {
			t.Errorf("%s", said)
		}
		if said := tell(book, "mislabeled-"+name); strings.Contains(said, secret) {
			t.Errorf("%s", said)
		}
		if said, full := tell(book, name), strings.Replace(tell(book, "labeled-"+name), "labeled-", "", 1); (said != full) != strings.Contains(said, "label the ConfigMap partner-operator.io/template=true to be told more") {
			t.Errorf("without the label it is %q, with it %q", said, full)
		}
		if said, full := tell(ofReader, name), tell(book, "labeled-"+name); said != strings.Replace(full, "labeled-", "", 1) {
			t.Errorf("to who reads it, it is %q, with the label %q", said, full)
		}
	}
	for name, want := range map[string]string{
		"settings": `ConfigMap "settings": has a key that no template has`,
		"script":   `ConfigMap "script": text:1: cannot be used`,
		"open":     `ConfigMap "open": text:2: cannot be used`,
		"words":    `ConfigMap "words": the link does not come out`,
	} {
		if said := tell(book, name); !strings.HasPrefix(said, want) {
			t.Errorf("it is %q, want %q", said, want)
		}
	}
	if full := tell(book, "labeled-settings"); !strings.Contains(full, "has the key "+secret+"_PASSWORD") {
		t.Errorf("with the label it is %q", full)
	}
}

// A label is a change, too.
func TestALabelMakesATemplateQuoted(t *testing.T) {
	ours := configMap("broken", map[string]string{"text": "{{.Nobody}}"})
	c := cluster(ours)
	book, _ := open(c, c)
	for _, label := range []string{"", "true", ""} {
		ours.Labels = map[string]string{v1alpha1.TemplateLabel: label}
		if err := c.Update(t.Context(), ours); err != nil {
			t.Fatal(err)
		}
		_, wrong, err := book.Template(t.Context(), "acme", "broken", v1alpha1.MailInvite)
		if err != nil || strings.Contains(wrong.Message, "there is no .Nobody here") != (label == "true") {
			t.Errorf("with the label %q it is %v, %v", label, wrong, err)
		}
	}
}

func inviteOf(name string, spec v1alpha1.PartnerInviteSpec) Invitation {
	i := &v1alpha1.PartnerInvite{Spec: spec}
	i.Namespace, i.Name, i.Spec.Contact = "acme", name, v1alpha1.Contact{Email: "ada@example.com"}
	return Invitation{Invite: i, Brand: brand.Default(&netmail.Address{Address: "no-reply@operator.example"})}
}

func mailOf(ctx context.Context, t *testing.T, book *Book, i Invitation) (mail.Message, *program.Unresolved) {
	t.Helper()
	message, wrong, err := book.InviteMail(ctx, i, "https://partners.example.com/x")
	if err != nil {
		t.Fatal(err)
	}
	return message, wrong
}

// What is wrong with an invite's own words is told as with a template, and what comes up only in the mail of one person is
// quoted no more than the rest.
func TestInviteMailTellsWhatIsWrong(t *testing.T) {
	c := cluster(configMap("fields", map[string]string{"text": "{{.Link}}{{if eq .CustomFields.region `EU`}}{{slice .CustomFields.swordfish 9}}{{end}}"}))
	book, _ := open(c, c)
	plain := inviteOf("plain", v1alpha1.PartnerInviteSpec{})
	if !plain.IsBuiltIn() {
		t.Error("an invite without words of its own is not built in")
	}
	own := inviteOf("own", v1alpha1.PartnerInviteSpec{Message: v1alpha1.InviteMessage{Body: "Come to **us**!"}})
	if message, wrong := mailOf(t.Context(), t, book, own); wrong != nil || own.IsBuiltIn() || !strings.Contains(message.HTML, "<strong>us</strong>") {
		t.Errorf("it is %v", wrong)
	}
	slow := inviteOf("slow", v1alpha1.PartnerInviteSpec{Message: v1alpha1.InviteMessage{Body: "Hello\n\n" + strings.Repeat("[a](", 1900)}})
	if _, wrong := mailOf(t.Context(), t, book, slow); wrong == nil || wrong.Reason != v1alpha1.ReasonTemplateInvalid || !strings.HasPrefix(wrong.Message, "spec.message.body:3: has more marks") {
		t.Errorf("it is %v", wrong)
	}
	named := inviteOf("named", v1alpha1.PartnerInviteSpec{TemplateRef: &v1alpha1.TemplateReference{Name: "fields"}, CustomFields: map[string]v1alpha1.CustomFieldValue{"region": "EU", "swordfish": "x"}})
	if _, wrong := mailOf(t.Context(), t, book, named); wrong == nil || !strings.HasPrefix(wrong.Message, `templateRef: ConfigMap "fields": text:1: cannot be used; label`) {
		t.Errorf("it is %v", wrong)
	}
}
