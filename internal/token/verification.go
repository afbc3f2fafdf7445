package token

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// Verification is what the link says by which an applicant shows that they read the mail of an address. It holds the
// address itself, encrypted, since there is no object yet that it could be looked up in.
type Verification struct {
	// Group is the UID of the PartnerGroup that they apply to.
	Group string
	// Serial is the number of the request, JoinLink that of the join link that it came by.
	Serial, JoinLink int64
	// Time is when the link was asked for, in whole microseconds.
	Time time.Time
	// Address is the mail address as it was typed.
	Address string
}

const verificationHead = uidSize + 2*4 + 8

// SignVerification makes the link of a verification; the same one gives the same link. It fails if a number or the UID
// is out of range.
func (r *Keyring) SignVerification(namespace string, v Verification) (string, error) {
	uid, err := parseUID(v.Group)
	if err != nil {
		return "", err
	}
	text := append(make([]byte, 0, verificationHead+len(v.Address)), uid[:]...)
	for _, number := range []int64{v.Serial, v.JoinLink} {
		if number < 0 || number > math.MaxUint32 {
			return "", fmt.Errorf("%d is out of range", number)
		}
		text = binary.BigEndian.AppendUint32(text, uint32(number))
	}
	text = binary.BigEndian.AppendUint64(text, uint64(v.Time.UnixMicro()))
	return r.SealLink(PurposeVerify, namespace, append(text, v.Address...)), nil
}

// OpenVerification opens what SignVerification made for this namespace. It is false for anything else; why is not told.
func (r *Keyring) OpenVerification(namespace, encoded string) (Verification, bool) {
	text, ok := r.Unseal(PurposeVerify, namespace, encoded)
	if !ok || len(text) < verificationHead {
		return Verification{}, false
	}
	number := func(at int) int64 { return int64(binary.BigEndian.Uint32(text[uidSize+4*at:])) }
	return Verification{
		Group: formatUID([uidSize]byte(text)), Serial: number(0), JoinLink: number(1),
		Time:    time.UnixMicro(int64(binary.BigEndian.Uint64(text[uidSize+2*4:]))).UTC(), //nolint:gosec // as it was
		Address: string(text[verificationHead:]),
	}, true
}
