package token

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
)

// Seal encrypts and authenticates a text for a cookie, with the newest key. The context, for example the namespace,
// is not in the result but must be the same to open it.
func (r *Keyring) Seal(purpose Purpose, context string, text []byte) string {
	nonce := make([]byte, nonceSize)
	_, _ = rand.Read(nonce) // never fails: the runtime ends the process instead
	return r.keys[0].encrypt(purpose, nonce, context, text)
}

// SealLink is Seal for a link: the same text gives the same link as long as the newest key stays, so that a mail that is
// sent once more leads to where the first one led. Two texts that are the same cannot be told apart, so let each have a
// number of its own.
func (r *Keyring) SealLink(purpose Purpose, context string, text []byte) string {
	key := r.keys[0]
	mac := hmac.New(sha256.New, key.nonce)
	for _, part := range [][]byte{{byte(purpose)}, []byte(context), text} {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		mac.Write(part)
	}
	return key.encrypt(purpose, mac.Sum(nil)[:nonceSize], context, text)
}

// nonceSize is that of GCM.
const nonceSize = 12

func (k key) encrypt(purpose Purpose, nonce []byte, context string, text []byte) string {
	aead := k.aead(purpose)
	sealed := make([]byte, 0, keyIDSize+nonceSize+len(text)+aead.Overhead())
	sealed = append(append(sealed, k.id[:]...), nonce...)
	return encoding.EncodeToString(aead.Seal(sealed, nonce, text, []byte(context)))
}

// Unseal gives back the text of Seal, and false for anything that Seal did not make for this purpose and context.
func (r *Keyring) Unseal(purpose Purpose, context, encoded string) ([]byte, bool) {
	const longest = 4096 // what a browser keeps of one cookie
	if len(encoded) > longest {
		return nil, false
	}
	sealed, err := decode(encoded)
	if err != nil || len(sealed) < keyIDSize {
		return nil, false
	}
	for _, key := range r.keys {
		if [keyIDSize]byte(sealed) != key.id {
			continue
		}
		aead := key.aead(purpose)
		rest := sealed[keyIDSize:]
		if len(rest) < aead.NonceSize() {
			return nil, false
		}
		text, err := aead.Open(nil, rest[:aead.NonceSize()], rest[aead.NonceSize():], []byte(context))
		if err == nil {
			return text, true
		}
	}
	return nil, false
}

func (k key) aead(purpose Purpose) cipher.AEAD {
	block, err := aes.NewCipher(k.derive(purpose))
	if err != nil {
		panic(err) // only for a key size that AES does not have
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // only for a block size that GCM does not have
	}
	return aead
}
