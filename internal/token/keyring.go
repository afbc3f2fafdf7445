package token

import (
	"cmp"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"
)

// KeySize is the least number of bytes in a key.
const KeySize = 32

const keyIDSize = 4

// Keyring holds the keys of an installation: the newest signs, all verify.
type Keyring struct {
	keys []key // newest first
}

// key is one secret of the keyring with the keys derived from it.
type key struct {
	id      [keyIDSize]byte
	secret  []byte
	derived map[Purpose][]byte
	mark    []byte // for marks of addresses
	nonce   []byte // for what is sealed the same each time
}

// NewKeyring makes a keyring of named secrets. The newest is the one whose name comes last in the order of bytes,
// which KeyName makes the order of time. It fails if there is no key, or if one is too short; the error names it and
// tells nothing of its content.
func NewKeyring(secrets map[string][]byte) (*Keyring, error) {
	if len(secrets) == 0 {
		return nil, errors.New("the keyring holds no key")
	}
	type named struct {
		name   string
		secret []byte
	}
	sorted := make([]named, 0, len(secrets))
	for name, secret := range secrets {
		if len(secret) < KeySize {
			return nil, fmt.Errorf("key %q has %d bytes, at least %d are needed", name, len(secret), KeySize)
		}
		sorted = append(sorted, named{name, secret})
	}
	slices.SortFunc(sorted, func(a, b named) int { return cmp.Compare(b.name, a.name) })
	ring := &Keyring{}
	for _, entry := range sorted {
		ring.keys = append(ring.keys, newKey(entry.secret))
	}
	return ring, nil
}

// KeyName is the name of a key made now: names in the order of time are in the order of bytes.
func KeyName(now time.Time) string { return now.UTC().Format("20060102T150405Z") }

// NewKey is a fresh random key.
func NewKey() []byte {
	secret := make([]byte, KeySize)
	_, _ = rand.Read(secret) // never fails: the runtime ends the process instead
	return secret
}

// NewestKeyID names the key that signs. It is no secret.
func (r *Keyring) NewestKeyID() string { return hex.EncodeToString(r.keys[0].id[:]) }

// KeyIDs returns the IDs of the keys. The first is that of the key that signs.
func (r *Keyring) KeyIDs() []string {
	ids := make([]string, 0, len(r.keys))
	for _, key := range r.keys {
		ids = append(ids, hex.EncodeToString(key.id[:]))
	}
	return ids
}

// Holds tells whether the keyring still has the key of this id.
func (r *Keyring) Holds(keyID string) bool {
	_, found := r.byID(keyID)
	return found
}

func (r *Keyring) byID(keyID string) (key, bool) {
	if keyID == "" {
		return r.keys[0], true
	}
	for _, key := range r.keys {
		if hex.EncodeToString(key.id[:]) == keyID {
			return key, true
		}
	}
	return key{}, false
}

func newKey(secret []byte) key {
	k := key{secret: slices.Clone(secret), derived: map[Purpose][]byte{}}
	for _, purpose := range []Purpose{
		PurposeInvite, PurposeSignIn, PurposeSession, PurposeSignInRequest,
		PurposeTeamMember, PurposeTeamApproval,
		PurposeVerify, PurposeJoin, PurposeApplicant, PurposeBrowser,
	} {
		k.derived[purpose] = expand(k.secret, purpose.String())
	}
	k.mark = expand(k.secret, "mark of an address")
	k.nonce = expand(k.secret, "nonce of what is sealed the same each time")
	k.id = [keyIDSize]byte(expand(k.secret, "key id"))
	return k
}

// derive gives the key of one purpose; it is worked out once, when the keyring is made.
func (k key) derive(purpose Purpose) []byte { return k.derived[purpose] }

func expand(secret []byte, info string) []byte {
	derived, err := hkdf.Key(sha256.New, secret, nil, "partner-operator.io/v1 "+info, KeySize)
	if err != nil {
		panic(err) // only for a length that SHA-256 cannot give
	}
	return derived
}
