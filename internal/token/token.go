// Package token makes and checks the links that the operator mails. It is pure: keys are given, nothing is stored.
//
// A token is 58 bytes in base64url, 78 characters:
//
//	version 1 | purpose 1 | key id 4 | subject UID 16 | serial 4 | seal 16 | binding 16
//
// The seal is an HMAC-SHA256 over everything before it and the namespace, so a forged or foreign token is refused
// before anything is looked up. The binding is an HMAC-SHA256 over all that and the normalised address of the subject,
// checked once the subject is known, so a token is worthless for an object that has come to mean another person. Both
// use keys of their own for each purpose, so a token of one purpose never works as another. Nothing in a token is
// secret but the two MACs; the same token can be made again at any time from the key and the object, so none is stored.
package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/partner-operator/partner-operator/internal/address"
)

// Purpose is what a token can be used for. The numbers stand in links that are out there: never reuse one.
type Purpose byte

// The purposes.
const (
	// PurposeInvite opens the page of a PartnerInvite.
	PurposeInvite Purpose = 1
	// PurposeSignIn signs a partner in; its subject is a Partnership, or the PartnerTeam that gives access.
	PurposeSignIn Purpose = 2
	// PurposeSession seals the session cookie.
	PurposeSession Purpose = 3
	// PurposeSignInRequest seals the cookie by which a browser that asked for a sign-in link is known again.
	PurposeSignInRequest Purpose = 4
	// PurposeTeamMember opens the page of an invitation into a team; its subject is a PartnerTeam.
	PurposeTeamMember Purpose = 5
	// PurposeTeamApproval lets the owner or an admin decide about a teammate; its subject is a PartnerTeam.
	PurposeTeamApproval Purpose = 6
	// PurposeVerify seals the link that shows that an applicant reads the mail of an address.
	PurposeVerify Purpose = 7
	// PurposeJoin opens the page of a join link; its subject is a PartnerGroup.
	PurposeJoin Purpose = 8
	// PurposeApplicant seals the address of an applicant while its verification mail waits to be sent.
	PurposeApplicant Purpose = 9
	// PurposeBrowser seals the cookie by which a browser is known in which somebody signed in.
	PurposeBrowser Purpose = 10
)

func (p Purpose) String() string {
	switch p {
	case PurposeInvite:
		return "invite"
	case PurposeSignIn:
		return "sign-in"
	case PurposeSession:
		return "session"
	case PurposeSignInRequest:
		return "sign-in request"
	case PurposeTeamMember:
		return "team member"
	case PurposeTeamApproval:
		return "team approval"
	case PurposeVerify:
		return "address verification"
	case PurposeJoin:
		return "join link"
	case PurposeApplicant:
		return "waiting applicant"
	case PurposeBrowser:
		return "known browser"
	default:
		return fmt.Sprintf("purpose %d", byte(p))
	}
}

// Subject is whom a token is about.
type Subject struct {
	// Namespace is the tenant. A token of one never opens in another.
	Namespace string
	// UID is the UID of the object that the token belongs to.
	UID string
	// Serial is the number of the link; a new one makes the older ones worthless.
	Serial int64
	// Address is the mail address that the token is bound to; how it is written does not matter.
	Address string
}

const (
	version     = 1
	headerSize  = 1 + 1 + keyIDSize + uidSize + 4
	uidSize     = 16
	macSize     = 16
	tokenSize   = headerSize + 2*macSize
	encodedSize = (tokenSize*8 + 5) / 6
)

// ErrUnknownKey tells that the keyring no longer holds the key.
var ErrUnknownKey = errors.New("the signing key is not in the keyring")

var encoding = base64.RawURLEncoding.Strict()

// decode refuses line breaks, too, which the library skips: a link has one way of being written.
func decode(encoded string) ([]byte, error) {
	if at := strings.IndexAny(encoded, "\r\n"); at >= 0 {
		return nil, base64.CorruptInputError(at)
	}
	return encoding.DecodeString(encoded)
}

// Sign makes the token of a subject with the key of the given id, or with the newest key if the id is empty. It fails
// with ErrUnknownKey, or if the subject's UID or serial is out of range.
func (r *Keyring) Sign(purpose Purpose, keyID string, subject Subject) (string, error) {
	key, found := r.byID(keyID)
	if !found {
		return "", ErrUnknownKey
	}
	uid, err := parseUID(subject.UID)
	if err != nil {
		return "", err
	}
	if subject.Serial < 0 || subject.Serial > math.MaxUint32 {
		return "", fmt.Errorf("serial %d is out of range", subject.Serial)
	}
	text := make([]byte, 0, tokenSize)
	text = append(text, version, byte(purpose))
	text = append(text, key.id[:]...)
	text = append(text, uid[:]...)
	text = binary.BigEndian.AppendUint32(text, uint32(subject.Serial))
	text = append(text, key.seal(purpose, text, subject.Namespace)...)
	text = append(text, key.binding(purpose, text, subject.Namespace, subject.Address)...)
	return encoding.EncodeToString(text), nil
}

// Opened is a token whose seal is genuine. Whether it is bound to its subject's address is asked with Binds, and
// whether it is used up or expired is told by the subject.
type Opened struct {
	// UID is the UID of the object that the token belongs to.
	UID string
	// Serial is the number of the link.
	Serial int64

	purpose   Purpose
	namespace string
	key       key
	text      []byte
}

// Open checks the seal of a token in constant time. It is false for anything but a genuine token of this purpose and
// namespace; why is not told.
func (r *Keyring) Open(purpose Purpose, namespace, encoded string) (Opened, bool) {
	if len(encoded) != encodedSize {
		return Opened{}, false
	}
	text, err := decode(encoded)
	if err != nil || len(text) != tokenSize || text[0] != version || text[1] != byte(purpose) {
		return Opened{}, false
	}
	header, seal := text[:headerSize], text[headerSize:headerSize+macSize]
	for _, key := range r.keys {
		if [keyIDSize]byte(header[2:2+keyIDSize]) != key.id {
			continue
		}
		if hmac.Equal(seal, key.seal(purpose, header, namespace)) {
			return Opened{
				UID:       formatUID([uidSize]byte(header[2+keyIDSize:])),
				Serial:    int64(binary.BigEndian.Uint32(header[headerSize-4:])),
				purpose:   purpose,
				namespace: namespace,
				key:       key,
				text:      text,
			}, true
		}
	}
	return Opened{}, false
}

// Binds tells, in constant time, whether the token was made for this address.
func (o Opened) Binds(address string) bool {
	if len(o.text) != tokenSize {
		return false
	}
	sealed, binding := o.text[:headerSize+macSize], o.text[headerSize+macSize:]
	return hmac.Equal(binding, o.key.binding(o.purpose, sealed, o.namespace, address))
}

// seal authenticates the header of a token within a namespace.
func (k key) seal(purpose Purpose, header []byte, namespace string) []byte {
	return k.mac(purpose, "seal", header, namespace)
}

// binding authenticates a sealed token for an address.
func (k key) binding(purpose Purpose, sealed []byte, namespace, mailbox string) []byte {
	return k.mac(purpose, "binding", sealed, namespace, address.Normalize(mailbox))
}

// mac is over length-prefixed parts, so that no two lists of parts give the same bytes.
func (k key) mac(purpose Purpose, use string, text []byte, parts ...string) []byte {
	mac := hmac.New(sha256.New, k.derive(purpose))
	for _, part := range append([]string{use, string(text)}, parts...) {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		mac.Write([]byte(part))
	}
	return mac.Sum(nil)[:macSize]
}

func parseUID(uid string) (parsed [uidSize]byte, err error) {
	digits := strings.ReplaceAll(uid, "-", "")
	if len(uid) != 36 || len(digits) != 2*uidSize {
		return parsed, fmt.Errorf("%q is not a UID", uid)
	}
	if _, err := hex.Decode(parsed[:], []byte(digits)); err != nil {
		return parsed, fmt.Errorf("%q is not a UID", uid)
	}
	return parsed, nil
}

func formatUID(uid [uidSize]byte) string {
	digits := hex.EncodeToString(uid[:])
	return strings.Join([]string{digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]}, "-")
}
