package cel

import (
	"context"
	"errors"
	"io"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/brand"
	"github.com/partner-operator/partner-operator/internal/form"
	"github.com/partner-operator/partner-operator/internal/roster"
)

// texts are lines that every door judges alike: true if it is one.
var texts = map[string]bool{
	"Ada Lovelace":                     true,
	"Zoë Müller-Lüdenscheidt":          true,
	"עדה לאבלייס":                      true,
	"ليلى \u0639\u200c\u0644\u06cc":    true, // a joiner that some scripts need
	"Ada 👩‍💻":                          true,
	"Ada \u200e(CEO)":                  true, // a mark of direction turns nothing
	`O'Neil & "Sons"; <Ltd.> = ? [x]`:  true,
	"Ada\u00a0L.":                      true,
	"Ada\u202a Lovelace":               false,
	"Ada\u202b Lovelace":               false,
	"Ada\u202c Lovelace":               false,
	"Ada\u202d Lovelace":               false,
	"Ada\u202e Lovelace":               false,
	"\u202eAda":                        false,
	"Ada\u2066 Lovelace":               false,
	"Ada\u2067 Lovelace":               false,
	"Ada\u2068 Lovelace":               false,
	"Ada Lovelace\u2069":               false,
	"\u202e":                           false,
	"Ada\u0007Lovelace":                false,
	"Ada\u001b[31m":                    false,
	"Ada\u007fLovelace":                false,
	"Ada\u0085Lovelace":                false,
	"Ada\u009bLovelace":                false,
	"Ada\tLovelace":                    false,
	"Ada\nLovelace":                    false,
	"Ada\rLovelace":                    false,
	"Ada\u2028Lovelace":                false,
	"Ada\u2029Lovelace":                false,
	"Ada \u202d\u202eLovelace\u202c x": false,
}

// addresses are what every door judges alike: true if mail can be sent there.
var addresses = map[string]bool{
	"ada@example.com":              true,
	"ada@127.0.0.1.example":        true,
	"ada@1.example":                true,
	"ada@example.c0m":              true,
	"ada@4you.example2":            true,
	"ada@bücher.example":           true,
	"ada@xn--bcher-kva.example":    true,
	"ada@例え.テスト":                   true,
	"ada@例え。テスト":                   true,
	"a=b?c@example.com":            true,
	"ada@127.0.0.1":                false,
	"ada@10.1":                     false,
	"ada@example.1":                false,
	"ada@example.007":              false,
	"ada@１２７.０.０.１":                false,
	"ada@example.１":                false,
	"ada@example。1":                false,
	"ada@127.0.0．1":                false,
	"ada@example.①":                false,
	"ada@example.٣":                false,
	"ada@example.1\ufe0f":          false,
	"ada@[127.0.0.1]":              false,
	"ada@example.com。":             false,
	"=?utf-8?q?x?=@example.com":    false,
	"ada@example.com\u202e":        false,
	"ada@exam\u202eple.com":        false,
	"ada@exam\u2066ple.com":        false,
	"ada\u202e@example.com":        false,
	"ada@example":                  false,
	"ada@example.com\nBcc: x@y.zz": false,
}

// rowOf reads a file with one row.
func rowOf(t *testing.T, header, cell string) error {
	t.Helper()
	reader, err := roster.NewReader(strings.NewReader(header+"\nada@example.com,\""+strings.ReplaceAll(cell, `"`, `""`)+"\"\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	row, err := reader.Read()
	if err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return row.Problem
}

func TestEveryDoorJudgesATextAlike(t *testing.T) {
	for text, good := range texts {
		object, err := attempt{kind: "PartnerInvite", change: set("spec.contact.firstName", text)}.do(t)
		_, ofForm := form.Check([]v1alpha1.FormField{{Name: "q", Type: v1alpha1.FieldText}}, map[string][]string{"q": {text}})
		_, ofLongForm := form.Check([]v1alpha1.FormField{{Name: "q", Type: v1alpha1.FieldLongText}}, map[string][]string{"q": {text}})
		_, ofBrand := brand.Parse(map[string]string{"displayName": text}, brand.Default(&netmail.Address{Address: "a@example.com"}))
		sender := netmail.Address{Name: text, Address: "ada@example.com"}
		_, ofSender := address.ParseSender(sender.String())
		for door, got := range map[string]bool{
			"the schema": err == nil, "a form": len(ofForm) == 0, "a brand": ofBrand == nil, "an import": rowOf(t, "email,first name", text) == nil,
			"a sender": ofSender == nil, "the rule": !strings.ContainsFunc(text, v1alpha1.IsControl),
			"a long answer": len(ofLongForm) == 0,
		} {
			if door == "a long answer" && strings.ContainsAny(text, "\n\t\r") {
				continue // it may have lines
			}
			if got != good {
				t.Errorf("%s takes %q: %v, want %v (%v, %v)", door, text, got, good, object.GetName(), err)
			}
		}
	}
}

func TestEveryDoorJudgesAnAddressAlike(t *testing.T) {
	for text, good := range addresses {
		_, err := attempt{kind: "PartnerInvite", change: set("spec.contact.email", text)}.do(t)
		_, ofForm := form.Check([]v1alpha1.FormField{{Name: "q", Type: v1alpha1.FieldEmail}}, map[string][]string{"q": {text}})
		_, ofBrand := brand.Parse(map[string]string{"notifyStaff": text}, brand.Default(&netmail.Address{Address: "a@example.com"}))
		_, delivered := address.Deliverable(text)
		for door, got := range map[string]bool{
			"the schema": err == nil, "a form": len(ofForm) == 0, "a brand": ofBrand == nil, "an import": rowOf(t, "other,email", text) == nil, "the rule": delivered == nil,
		} {
			if got != good {
				t.Errorf("%s takes %q: %v, want %v (%v, %v)", door, text, got, good, err, delivered)
			}
		}
	}
}

// before lets a CRD have the rules of texts that there were before, and gives what makes it as it is.
func before(t *testing.T) (restore func()) {
	t.Helper()
	var was unstructured.Unstructured
	key := client.ObjectKey{Name: "partnerinvites.partner-operator.io"}
	change := func(edit func(*unstructured.Unstructured)) {
		crd := &unstructured.Unstructured{}
		crd.SetAPIVersion("apiextensions.k8s.io/v1")
		crd.SetKind("CustomResourceDefinition")
		if err := api.Get(t.Context(), key, crd); err != nil {
			t.Fatal(err)
		}
		edit(crd)
		if err := api.Update(context.Background(), crd); err != nil {
			t.Fatal(err)
		}
	}
	change(func(crd *unstructured.Unstructured) {
		was = *crd.DeepCopy()
		versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
		contact := []string{"schema", "openAPIV3Schema", "properties", "spec", "properties", "contact", "properties"}
		for _, field := range []string{"email", "firstName"} {
			unstructured.RemoveNestedField(versions[0].(map[string]any), append(contact, field, "x-kubernetes-validations")...)
		}
		_ = unstructured.SetNestedSlice(crd.Object, versions, "spec", "versions")
	})
	return func() {
		change(func(crd *unstructured.Unstructured) { crd.Object["spec"] = was.Object["spec"] })
	}
}

// until waits for the API server to take a CRD over.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
	}
}

// What was written before a text was refused goes on, as long as that text stays as it is.
func TestATextFromBeforeStays(t *testing.T) {
	restore := before(t)
	const name, email = "Ada\u202e Lovelace", "ada@127.0.0.1"
	o := valid(t, "PartnerInvite")
	all(set("spec.contact.firstName", name), set("spec.contact.email", email))(o)
	until(t, "the rules of before are not in force", func() bool { return api.Create(t.Context(), o) == nil })
	t.Cleanup(func() { _ = api.Delete(context.Background(), o) })
	restore()
	until(t, "the rules are not in force", func() bool {
		_, err := attempt{kind: "PartnerInvite", change: set("spec.contact.firstName", name)}.do(t)
		return apierrors.IsInvalid(err)
	})
	set("spec.resendToken", "1")(o)
	if err := api.Update(t.Context(), o); err != nil {
		t.Errorf("another field cannot be changed: %v", err)
	}
	if err := unstructured.SetNestedField(o.Object, int64(1), "status", "observedGeneration"); err != nil {
		t.Fatal(err)
	}
	if err := api.Status().Update(t.Context(), o); err != nil {
		t.Errorf("its status cannot be written: %v", err)
	}
	worse := o.DeepCopy()
	set("spec.contact.firstName", name+"\u202e")(worse)
	if err := api.Update(t.Context(), worse); !apierrors.IsInvalid(err) {
		t.Errorf("another text of that sort is taken: %v", err)
	}
	set("spec.contact.firstName", "Ada")(o)
	if err := api.Update(t.Context(), o); err != nil {
		t.Errorf("it cannot be mended: %v", err)
	}
}
