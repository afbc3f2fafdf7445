package token

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/partner-operator/partner-operator/internal/address"
)

// Marker makes what stands for an address where the address itself must not. Without its keys nobody can tell from a mark
// which address it stands for, nor whether marks of two places stand for the same one.
type Marker struct {
	keys [][]byte // newest first
}

// NewMarker makes a Marker of named keys. As in a Keyring the newest is the one whose name comes last in the order of
// bytes.
func NewMarker(secrets map[string][]byte) (*Marker, error) {
	if len(secrets) == 0 {
		return nil, errors.New("there is no key")
	}
	m := &Marker{}
	for _, name := range slices.SortedFunc(maps.Keys(secrets), func(a, b string) int { return cmp.Compare(b, a) }) {
		if len(secrets[name]) < KeySize {
			return nil, fmt.Errorf("key %q has %d bytes, at least %d are needed", name, len(secrets[name]), KeySize)
		}
		m.keys = append(m.keys, slices.Clone(secrets[name]))
	}
	return m, nil
}

// Mark returns the mark of an address in a place by the newest key.
func (m *Marker) Mark(place, written string) string { return mark(m.keys[0], place, written) }

// Marks returns the marks of an address in a place by all keys, the newest first.
func (m *Marker) Marks(place, written string) []string {
	marks := make([]string, 0, len(m.keys))
	for _, key := range m.keys {
		marks = append(marks, mark(key, place, written))
	}
	return marks
}

func mark(key []byte, place, written string) string {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(place + "\x00" + address.Normalize(written))) // a hash takes everything
	return encoding.EncodeToString(mac.Sum(nil)[:macSize])
}

// Marks returns the marks that were made with signing keys, before marks had a key of their own.
func (r *Keyring) Marks(place, written string) []string {
	m := Marker{}
	for _, key := range r.keys {
		m.keys = append(m.keys, key.mark)
	}
	return m.Marks(place, written)
}

// MarkKey returns the key by which marks were made with a signing key. It signs nothing.
func MarkKey(secret []byte) []byte { return newKey(secret).mark }
