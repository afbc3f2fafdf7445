package token

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestMarks(t *testing.T) {
	old := map[string][]byte{"20260101T000000Z": bytes.Repeat([]byte{1}, KeySize)}
	before, err := NewKeyring(old)
	if err != nil {
		t.Fatal(err)
	}
	old["20260201T000000Z"] = bytes.Repeat([]byte{2}, KeySize)
	after, err := NewKeyring(old)
	if err != nil {
		t.Fatal(err)
	}
	mark := before.Marks("program-uid", "ada@example.com")
	if len(mark) != 1 || len(mark[0]) != 22 || strings.Trim(mark[0], "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		t.Fatalf("the mark %q does not fit as a key of a ConfigMap", mark)
	}
	rotated := after.Marks("program-uid", "ADA@Example.com")
	if len(rotated) != 2 || rotated[1] != mark[0] || rotated[0] == mark[0] {
		t.Errorf("after a rotation the marks are %q, before %q", rotated, mark)
	}
	for name, other := range map[string][]string{
		"another place":   before.Marks("other-uid", "ada@example.com"),
		"another address": before.Marks("program-uid", "ada+x@example.com"),
		"a shifted limit": before.Marks("program-uidada@", "example.com"),
	} {
		if slices.Contains(other, mark[0]) {
			t.Errorf("%s has the same mark", name)
		}
	}
}
