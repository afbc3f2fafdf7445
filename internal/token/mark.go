package token

import (
	"crypto/hmac"
	"crypto/sha256"

	"github.com/partner-operator/partner-operator/internal/address"
)

// Marks are what stands for an address in a place, one for each key of the keyring, the newest first. Without the keys
// nobody can tell from a mark which address it stands for, nor whether marks of two places stand for the same one.
func (r *Keyring) Marks(place, written string) []string {
	marks := make([]string, 0, len(r.keys))
	for _, key := range r.keys {
		mac := hmac.New(sha256.New, key.mark)
		_, _ = mac.Write([]byte(place + "\x00" + address.Normalize(written))) // a hash takes everything
		marks = append(marks, encoding.EncodeToString(mac.Sum(nil)[:macSize]))
	}
	return marks
}
