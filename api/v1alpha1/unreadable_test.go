package v1alpha1

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
)

// Each row is an object that the schema of some release, or a restore, let in, and the fields of it that cannot be read.
var unreadable = map[string]struct {
	object string
	want   []string
}{
	"nothing":                            {`{"kind":"Partnership","spec":{"validUntil":"2027-01-01T00:00:00Z"}}`, nil},
	"a lower-case t and z":               {`{"kind":"Partnership","spec":{"validUntil":"2027-01-01t00:00:00z"}}`, []string{"spec.validUntil"}},
	"text behind a time":                 {`{"kind":"Partnership","spec":{"validUntil":"2027-01-01T00:00:00Ztomorrow"}}`, []string{"spec.validUntil"}},
	"a day that there is not":            {`{"kind":"PartnerInvite","spec":{"notAfter":"2027-02-30T00:00:00Z"}}`, []string{"spec.notAfter"}},
	"a time without a fraction":          {`{"kind":"Partnership","spec":{"application":{"submittedTime":"2026-11-20T12:00:00Z"}}}`, nil},
	"a time with three digits":           {`{"kind":"Partnership","spec":{"application":{"submittedTime":"2026-11-20T12:00:00.000Z"}}}`, nil},
	"no time of an application":          {`{"kind":"Partnership","spec":{"application":{"submittedTime":"2026-11-20t12:00:00Z"}}}`, []string{"spec.application.submittedTime"}},
	"a time in status":                   {`{"kind":"Partnership","status":{"stateTime":"2027-01-01t00:00:00z","state":"Active"}}`, []string{"status.stateTime"}},
	"a time in status with six digits":   {`{"kind":"Partnership","status":{"sessionsNotBefore":"2027-01-01T00:00:00Z"}}`, []string{"status.sessionsNotBefore"}},
	"a transition of one condition":      {`{"kind":"Program","status":{"conditions":[{"type":"Ready","lastTransitionTime":"2027-01-01T00:00:00Z"},{"type":"MailReady","lastTransitionTime":"2027-01-01t00:00:00Z"}]}}`, []string{"status.conditions[1].lastTransitionTime"}},
	"a generation beyond 64 bits":        {`{"kind":"PartnerGroup","status":{"observedGeneration":1e300}}`, []string{"status.observedGeneration"}},
	"a serial beyond 32 bits":            {`{"kind":"PartnerTeam","status":{"members":[{"email":"a@b.example","serial":99999999999999999999}]}}`, []string{"status.members[0].serial"}},
	"a text where there is a list":       {`{"kind":"PartnerLink","spec":{"member":"ada"}}`, []string{"spec.member"}},
	"a number among the answers":         {`{"kind":"Partnership","spec":{"application":{"fields":{"size":5}}}}`, []string{"spec.application.fields"}},
	"a boolean that is a text":           {`{"kind":"Program","spec":{"suspend":"true","displayName":"Acme"}}`, []string{"spec.suspend"}},
	"two fields, one of them in a mail":  {`{"kind":"Partnership","spec":{"validUntil":"tomorrow"},"status":{"mails":[{"kind":"invite","firstAttemptTime":"x"}]}}`, []string{"spec.validUntil", "status.mails[0].firstAttemptTime"}},
	"a field in another case is another": {`{"kind":"Partnership","spec":{"ValidUntil":7}}`, nil},
}

func codec(t *testing.T) runtime.Decoder {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	return serializer.NewCodecFactory(scheme).UniversalDeserializer()
}

// decoded is what the API's decoder, which clients and caches use, makes of an object.
func decodedBy(t *testing.T, decoder runtime.Decoder, text string) runtime.Object {
	t.Helper()
	object, _, err := decoder.Decode([]byte(strings.Replace(text, "{", `{"apiVersion":"`+GroupVersion.String()+`",`, 1)), nil, nil)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return object
}

func fieldsOf(o any) []string {
	return reflect.ValueOf(o).Elem().FieldByName("Unreadable").Interface().(Unreadable).UnreadableFields
}

func TestUnreadable(t *testing.T) {
	decoder := codec(t)
	for name, test := range unreadable {
		t.Run(name, func(t *testing.T) {
			object := decodedBy(t, decoder, test.object)
			got := fieldsOf(object)
			slices.Sort(got)
			if !slices.Equal(got, test.want) {
				t.Errorf("cannot read %q, want %q", got, test.want)
			}
			again, err := json.Marshal(object)
			if err != nil || strings.Contains(string(again), "nreadable") {
				t.Errorf("encoded as %s (%v)", again, err)
			}
		})
	}
}

// One object that cannot be read is in a list with the others, which say what they said.
func TestUnreadableInList(t *testing.T) {
	decoder := codec(t)
	list := decodedBy(t, decoder, `{"kind":"PartnershipList","items":[
		{"metadata":{"name":"a"},"spec":{"stage":"x"}},
		{"metadata":{"name":"b"},"spec":{"stage":"y","validUntil":"2027-01-01t00:00:00z"},"status":{"stateTime":"x","state":"Active"}},
		{"metadata":{"name":"c"},"status":{"state":"Revoked"}}]}`).(*PartnershipList)
	if len(list.Items) != 3 || !list.Items[0].IsReadable() || list.Items[1].IsReadable() || !list.Items[2].IsReadable() {
		t.Fatalf("the list is %+v", list.Items)
	}
	if b := list.Items[1]; b.Name != "b" || b.Spec.Stage != "y" || b.Status.State != PartnershipActive || b.Spec.ValidUntil != "2027-01-01t00:00:00z" {
		t.Errorf("of b is left %+v", b)
	}
	if list.Items[2].Status.State != PartnershipRevoked {
		t.Errorf("c is %+v", list.Items[2])
	}
}

// Every timestamp of a spec is checked, so that one which is not a moment is reported.
func TestUnreadableTimestamps(t *testing.T) {
	decoder := codec(t)
	kinds := map[string]any{
		"Program": Program{}, "PartnerGroup": PartnerGroup{}, "PartnerTeam": PartnerTeam{}, "PartnerInvite": PartnerInvite{},
		"Partnership": Partnership{}, "PartnerLink": PartnerLink{},
	}
	found := 0
	for kind, zero := range kinds {
		for _, path := range timestampsIn(reflect.TypeOf(zero), nil) {
			found++
			text := `"tomorrow"`
			for _, name := range slices.Backward(path) {
				text = `{"` + name + `":` + text + `}`
			}
			object := decodedBy(t, decoder, `{"kind":"`+kind+`",`+strings.TrimPrefix(text, "{"))
			if want := []string{strings.Join(path, ".")}; !slices.Equal(fieldsOf(object), want) {
				t.Errorf("%s: cannot read %q, want %q", kind, fieldsOf(object), want)
			}
		}
	}
	if found < 3 {
		t.Errorf("found %d timestamps", found)
	}
}

func timestampsIn(in reflect.Type, path []string) (found [][]string) {
	if in == reflect.TypeFor[Timestamp]() {
		return [][]string{path}
	}
	if in.Kind() == reflect.Pointer {
		in = in.Elem()
	}
	if in.Kind() != reflect.Struct || in == reflect.TypeFor[metav1.ObjectMeta]() {
		return nil
	}
	for i := range in.NumField() {
		name, _, _ := strings.Cut(in.Field(i).Tag.Get("json"), ",")
		switch name {
		case "-":
		case "":
			found = append(found, timestampsIn(in.Field(i).Type, path)...)
		default:
			found = append(found, timestampsIn(in.Field(i).Type, append(slices.Clone(path), name))...)
		}
	}
	return found
}

func TestProblemNamesFields(t *testing.T) {
	var u Unreadable
	if !u.IsReadable() || u.Problem() != "" {
		t.Errorf("nothing is wrong, and the problem is %q", u.Problem())
	}
	for range 20 {
		u.add("spec.a")
	}
	if got := u.Problem(); len(u.UnreadableFields) != maxUnreadable || !strings.HasPrefix(got, "spec.a, spec.a") || strings.Contains(got, "  ") {
		t.Errorf("the problem is %q", got)
	}
}

func TestTimestamp(t *testing.T) {
	now := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	for text, passed := range map[Timestamp]bool{
		"": false, "2027-01-01T00:00:00Z": true, "2027-01-01T00:00:01Z": false, "2027-01-01T01:00:00+02:00": true,
		"2027-01-01T00:00:00.000001Z": false, "tomorrow": true, "2028-01-01t00:00:00z": true,
	} {
		if text.HasPassed(now) != passed {
			t.Errorf("%q has passed: %v", text, !passed)
		}
	}
	if got := NewTimestamp(now.Add(time.Millisecond)); got != "2027-01-01T00:00:00.001Z" {
		t.Errorf("got %s", got)
	}
	if got := NewMicroTimestamp(now); got != "2027-01-01T00:00:00.000000Z" {
		t.Errorf("got %s, which releases that read a MicroTime cannot", got)
	}
	if !Timestamp("2027-01-01T00:00:00Z").Equal("2027-01-01T01:00:00+01:00") || Timestamp("x").Equal("y") || !Timestamp("x").Equal("x") {
		t.Error("equal moments differ, or others do not")
	}
}

// FuzzUnreadable decodes whatever may be stored.
func FuzzUnreadable(f *testing.F) {
	for _, test := range unreadable {
		f.Add(test.object)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !json.Valid([]byte(text)) || !strings.HasPrefix(text, "{") {
			return
		}
		for _, object := range []json.Unmarshaler{&Program{}, &PartnerGroup{}, &PartnerTeam{}, &PartnerInvite{}, &Partnership{}, &PartnerLink{}} {
			if err := object.UnmarshalJSON([]byte(text)); err != nil {
				t.Errorf("%T cannot be decoded: %v", object, err)
			}
		}
	})
}

// BenchmarkDecode prints what decoding a list costs beside decoding it without a look at what can be read.
func BenchmarkDecode(b *testing.B) {
	type plain Partnership
	item := `{"apiVersion":"partner-operator.io/v1alpha1","kind":"Partnership","metadata":{"name":"ada","namespace":"acme","uid":"2b6d","creationTimestamp":"2026-01-01T00:00:00Z"},"spec":{"programRef":{"name":"referral"},"contact":{"email":"ada@example.com","firstName":"Ada"},"validUntil":"2027-01-01T00:00:00Z"},"status":{"state":"Active","stateTime":"2026-01-01T00:00:00Z","observedGeneration":1,"conditions":[{"type":"Ready","status":"True","reason":"Ready","message":"x","lastTransitionTime":"2026-01-01T00:00:00Z"},{"type":"Active","status":"True","reason":"Active","message":"x","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}`
	list := []byte("[" + strings.Repeat(item+",", 999) + item + "]")
	b.ResetTimer()
	var safe, bare time.Duration
	for b.Loop() {
		began := time.Now()
		var a []Partnership
		if err := json.Unmarshal(list, &a); err != nil {
			b.Fatal(err)
		}
		between := time.Now()
		var c []plain
		if err := json.Unmarshal(list, &c); err != nil {
			b.Fatal(err)
		}
		safe, bare = safe+between.Sub(began), bare+time.Since(between)
	}
	b.ReportMetric(safe.Seconds()/bare.Seconds(), "ratio")
}
