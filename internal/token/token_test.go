package token

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

const (
	uid      = "8d5f5a2e-7b1c-4c8e-9a44-0a2f5b6c7d8e"
	otherUID = "00000000-0000-0000-0000-000000000001"
)

var (
	oldSecret = bytes.Repeat([]byte{1}, KeySize)
	newSecret = bytes.Repeat([]byte{2}, KeySize)
	subject   = Subject{Namespace: "acme", UID: uid, Serial: 7, Address: "Ada@Example.com"}
)

func ring(t testing.TB, secrets map[string][]byte) *Keyring {
	t.Helper()
	r, err := NewKeyring(secrets)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func sign(t testing.TB, r *Keyring, purpose Purpose, s Subject) string {
	t.Helper()
	text, err := r.Sign(purpose, "", s)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTokenOpens(t *testing.T) {
	r := ring(t, map[string][]byte{"20260101T000000Z": oldSecret})
	text := sign(t, r, PurposeInvite, subject)
	if len(text) >= 120 {
		t.Errorf("the token has %d characters", len(text))
	}
	if again := sign(t, r, PurposeInvite, subject); again != text {
		t.Error("the same subject gives another token")
	}
	opened, ok := r.Open(PurposeInvite, "acme", text)
	if !ok || opened.UID != uid || opened.Serial != 7 {
		t.Fatalf("Open = %+v, %v", opened, ok)
	}
	for address, want := range map[string]bool{
		"ada@example.com": true, "ADA@EXAMPLE.COM": true, "bob@example.com": false, "": false,
	} {
		if got := opened.Binds(address); got != want {
			t.Errorf("Binds(%q) = %v", address, got)
		}
	}
}

func TestTokenIsRefused(t *testing.T) {
	r := ring(t, map[string][]byte{"20260101T000000Z": oldSecret})
	good := sign(t, r, PurposeInvite, subject)
	flip := func(i int) string {
		text := []byte(good)
		text[i] = map[bool]byte{true: 'B', false: 'A'}[text[i] == 'A']
		return string(text)
	}
	foreign := sign(t, ring(t, map[string][]byte{"20260101T000000Z": newSecret}), PurposeInvite, subject)
	for name, test := range map[string]struct {
		purpose   Purpose
		namespace string
		text      string
	}{
		"another purpose":          {PurposeSignIn, "acme", good},
		"another namespace":        {PurposeInvite, "other", good},
		"a namespace that extends": {PurposeInvite, "acme2", good},
		"nothing":                  {PurposeInvite, "acme", ""},
		"cut short":                {PurposeInvite, "acme", good[:len(good)-1]},
		"too long":                 {PurposeInvite, "acme", good + "A"},
		"not base64url":            {PurposeInvite, "acme", "+" + good[1:]},
		"a key of somebody else":   {PurposeInvite, "acme", foreign},
		"another version":          {PurposeInvite, "acme", flip(0)},
		"another key id":           {PurposeInvite, "acme", flip(4)},
		"another subject":          {PurposeInvite, "acme", flip(12)},
		"another serial":           {PurposeInvite, "acme", flip(33)},
		"another seal":             {PurposeInvite, "acme", flip(40)},
	} {
		t.Run(name, func(t *testing.T) {
			if _, ok := r.Open(test.purpose, test.namespace, test.text); ok {
				t.Error("it opened")
			}
		})
	}
	opened, ok := r.Open(PurposeInvite, "acme", flip(len(good)-10))
	if !ok || opened.Binds(subject.Address) {
		t.Error("a changed binding must open and bind nobody")
	}
	if (Opened{}).Binds("") {
		t.Error("an empty token binds somebody")
	}
}

func TestEveryPurposeAndPartGivesAnotherToken(t *testing.T) {
	r := ring(t, map[string][]byte{"20260101T000000Z": oldSecret})
	seen := map[string]string{}
	for name, text := range map[string]string{
		"invite":         sign(t, r, PurposeInvite, subject),
		"sign-in":        sign(t, r, PurposeSignIn, subject),
		"next serial":    sign(t, r, PurposeInvite, Subject{"acme", uid, 8, "ada@example.com"}),
		"other object":   sign(t, r, PurposeInvite, Subject{"acme", otherUID, 7, "ada@example.com"}),
		"other tenant":   sign(t, r, PurposeInvite, Subject{"other", uid, 7, "ada@example.com"}),
		"other address":  sign(t, r, PurposeInvite, Subject{"acme", uid, 7, "bob@example.com"}),
		"moved boundary": sign(t, r, PurposeInvite, Subject{"acmea", uid, 7, "da@example.com"}),
	} {
		if before, found := seen[text]; found {
			t.Errorf("%s and %s have one token", before, name)
		}
		seen[text] = name
	}
}

func TestSignRefuses(t *testing.T) {
	r := ring(t, map[string][]byte{"20260101T000000Z": oldSecret})
	for name, test := range map[string]struct {
		keyID   string
		subject Subject
	}{
		"an unknown key":       {"ffffffff", subject},
		"a UID that is none":   {"", Subject{"acme", "ada", 1, "ada@example.com"}},
		"a UID of other signs": {"", Subject{"acme", "8d5f5a2e-7b1c-4c8e-9a44-0a2f5b6c7dzz", 1, ""}},
		"a negative serial":    {"", Subject{"acme", uid, -1, ""}},
		"a huge serial":        {"", Subject{"acme", uid, 1 << 33, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			if text, err := r.Sign(PurposeInvite, test.keyID, test.subject); err == nil {
				t.Errorf("it gave %q", text)
			}
		})
	}
}

func TestRotation(t *testing.T) {
	before := ring(t, map[string][]byte{"20260101T000000Z": oldSecret})
	after := ring(t, map[string][]byte{"20260101T000000Z": oldSecret, "20260201T000000Z": newSecret})
	gone := ring(t, map[string][]byte{"20260201T000000Z": newSecret})

	oldToken, oldCookie := sign(t, before, PurposeInvite, subject), before.Seal(PurposeSession, "acme", []byte("x"))
	if after.NewestKeyID() == before.NewestKeyID() || after.NewestKeyID() != gone.NewestKeyID() {
		t.Error("the newest key does not sign")
	}
	if got, want := after.KeyIDs(), []string{gone.NewestKeyID(), before.NewestKeyID()}; !slices.Equal(got, want) {
		t.Errorf("the keys are %v, want %v", got, want)
	}
	if _, ok := after.Open(PurposeInvite, "acme", oldToken); !ok {
		t.Error("after rotation an old link is dead")
	}
	if _, ok := after.Unseal(PurposeSession, "acme", oldCookie); !ok {
		t.Error("after rotation an old cookie is dead")
	}
	if again, err := after.Sign(PurposeInvite, before.NewestKeyID(), subject); err != nil || again != oldToken {
		t.Error("after rotation the same link cannot be made again")
	}
	if _, ok := gone.Open(PurposeInvite, "acme", oldToken); ok || gone.Holds(before.NewestKeyID()) {
		t.Error("a link outlives its key")
	}
}

func TestNewKeyringRefuses(t *testing.T) {
	for name, secrets := range map[string]map[string][]byte{
		"no key":      {},
		"a short key": {"20260101T000000Z": []byte("too short a secret")},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewKeyring(secrets)
			if err == nil || strings.Contains(err.Error(), "too short a secret") {
				t.Errorf("error = %v", err)
			}
		})
	}
}

func TestSeal(t *testing.T) {
	r := ring(t, map[string][]byte{"20260101T000000Z": oldSecret})
	sealed := r.Seal(PurposeSession, "acme", []byte("ada@example.com"))
	if text, ok := r.Unseal(PurposeSession, "acme", sealed); !ok || string(text) != "ada@example.com" {
		t.Errorf("Unseal = %q, %v", text, ok)
	}
	if r.Seal(PurposeSession, "acme", []byte("ada@example.com")) == sealed {
		t.Error("two cookies are the same")
	}
	for name, test := range map[string]struct {
		purpose       Purpose
		context, text string
	}{
		"another purpose": {PurposeSignInRequest, "acme", sealed},
		"another context": {PurposeSession, "other", sealed},
		"cut short":       {PurposeSession, "acme", sealed[:len(sealed)-4]},
		"only a key id":   {PurposeSession, "acme", sealed[:8]},
		"nothing":         {PurposeSession, "acme", ""},
		"a token":         {PurposeSession, "acme", sign(t, r, PurposeInvite, subject)},
		"too long":        {PurposeSession, "acme", strings.Repeat("A", 5000)},
	} {
		t.Run(name, func(t *testing.T) {
			if _, ok := r.Unseal(test.purpose, test.context, test.text); ok {
				t.Error("it opened")
			}
		})
	}
}

func FuzzOpen(f *testing.F) {
	r := ring(f, map[string][]byte{"20260101T000000Z": oldSecret, "20260201T000000Z": newSecret})
	good := sign(f, r, PurposeInvite, subject)
	f.Add(good, "acme")
	f.Add(good[:40]+strings.Repeat("A", len(good)-40), "acme")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, text, namespace string) {
		opened, ok := r.Open(PurposeInvite, namespace, text)
		if ok && (namespace != "acme" || text[:headerSize] != good[:headerSize]) {
			t.Fatalf("a forged token opened: %q in %q", text, namespace)
		}
		if ok && text != good && opened.Binds(subject.Address) {
			t.Fatalf("a changed token binds: %q", text)
		}
		_, _ = r.Unseal(PurposeSession, namespace, text)
	})
}
