package token

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var verification = Verification{Group: uid, Serial: 3, JoinLink: 2, Time: time.Date(2026, 1, 1, 12, 0, 0, 123456000, time.UTC), Address: "Ada@Example.com"}

func TestVerificationOpens(t *testing.T) {
	r := ring(t, map[string][]byte{"20260101T000000Z": oldSecret})
	link, err := r.SignVerification("acme", verification)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := r.SignVerification("acme", verification); again != link {
		t.Error("the same verification gives another link, so a mail that is repeated would differ")
	}
	if opened, ok := r.OpenVerification("acme", link); !ok || opened != verification {
		t.Errorf("it opens as %s, %v", cmp.Diff(verification, opened), ok)
	}
	if len(link) >= 120 {
		t.Errorf("the link of an ordinary address has %d characters", len(link))
	}
	raw, err := base64.RawURLEncoding.DecodeString(link)
	if err != nil || bytes.Contains(bytes.ToLower(raw), []byte("ada")) {
		t.Errorf("the link tells the address, or is no base64url: %v", err)
	}
	rotated := ring(t, map[string][]byte{"20260101T000000Z": oldSecret, "20260201T000000Z": newSecret})
	if _, ok := rotated.OpenVerification("acme", link); !ok {
		t.Error("after a new key has come, the link of before does not open")
	}
}

func TestVerificationIsRefused(t *testing.T) {
	r := ring(t, map[string][]byte{"20260101T000000Z": oldSecret})
	link, _ := r.SignVerification("acme", verification)
	text, _ := r.Unseal(PurposeVerify, "acme", link)
	tampered := []byte(link)
	tampered[len(tampered)/2] ^= 1
	for name, test := range map[string]struct{ namespace, link string }{
		"of another tenant":             {"other", link},
		"tampered":                      {"acme", string(tampered)},
		"cut":                           {"acme", link[:len(link)-4]},
		"empty":                         {"acme", ""},
		"with a line break":             {"acme", link[:20] + "\n" + link[20:]},
		"a join link":                   {"acme", sign(t, r, PurposeJoin, subject)},
		"a session":                     {"acme", r.Seal(PurposeSession, "acme", text)},
		"a waiting applicant":           {"acme", r.Seal(PurposeApplicant, "acme", text)},
		"sealed, and too short":         {"acme", r.Seal(PurposeVerify, "acme", []byte("ada"))},
		"of a key that is gone":         {"acme", mustVerification(t, ring(t, map[string][]byte{"x": newSecret}))},
		"longer than any link could be": {"acme", strings.Repeat("A", 5000)},
	} {
		t.Run(name, func(t *testing.T) {
			if opened, ok := r.OpenVerification(test.namespace, test.link); ok {
				t.Errorf("it opens as %+v", opened)
			}
		})
	}
	for name, change := range map[string]func(*Verification){
		"no UID":            func(v *Verification) { v.Group = "" },
		"a negative serial": func(v *Verification) { v.Serial = -1 },
		"a number too high": func(v *Verification) { v.JoinLink = 1 << 32 },
	} {
		wrong := verification
		change(&wrong)
		if _, err := r.SignVerification("acme", wrong); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func mustVerification(t *testing.T, r *Keyring) string {
	t.Helper()
	link, err := r.SignVerification("acme", verification)
	if err != nil {
		t.Fatal(err)
	}
	return link
}

// Two links differ also where nothing but the purpose or the tenant does.
func TestSealLinkDiffers(t *testing.T) {
	r := ring(t, map[string][]byte{"20260101T000000Z": oldSecret})
	seen := map[string]string{}
	for name, link := range map[string]string{
		"one":             r.SealLink(PurposeVerify, "acme", []byte("ada")),
		"another text":    r.SealLink(PurposeVerify, "acme", []byte("adb")),
		"another purpose": r.SealLink(PurposeApplicant, "acme", []byte("ada")),
		"another tenant":  r.SealLink(PurposeVerify, "acm", []byte("eada")),
	} {
		head := link[:(keyIDSize+nonceSize)*8/6-1]
		if other, ok := seen[head]; ok {
			t.Errorf("%s and %s have the same nonce", name, other)
		}
		seen[head] = name
	}
}

func FuzzOpenVerification(f *testing.F) {
	r := ring(f, map[string][]byte{"20260101T000000Z": oldSecret})
	link, _ := r.SignVerification("acme", verification)
	f.Add(link)
	f.Add("")
	f.Add(link[:40])
	f.Fuzz(func(t *testing.T, text string) {
		if opened, ok := r.OpenVerification("acme", text); ok && (text != link || opened != verification) {
			t.Errorf("%q opens as %+v", text, opened)
		}
	})
}

// A link has one way of being written, and one that is nothing but line breaks is no link.
func TestLineBreaksOpenNothing(t *testing.T) {
	r := ring(t, map[string][]byte{"20260101T000000Z": oldSecret})
	text := sign(t, r, PurposeInvite, subject)
	for name, encoded := range map[string]string{
		"nothing but line breaks": strings.Repeat("\n", encodedSize),
		"four at the end":         text[:len(text)-4] + "\r\n\r\n",
		"one more":                text + "\n",
	} {
		if _, ok := r.Open(PurposeInvite, "acme", encoded); ok {
			t.Errorf("%s: it opens", name)
		}
	}
}
