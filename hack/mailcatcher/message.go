package mailcatcher

import (
	"bytes"
	"mime"
	"net/mail"
	"time"
)

// kindHeader is where partner-operator says what a mail is for.
const kindHeader = "X-Partner-Operator-Mail"

// Message is one mail that was accepted.
type Message struct {
	// ID counts the mails of one Catcher from 1.
	ID int `json:"id"`

	// Received is when the mail was kept, after any delay.
	Received time.Time `json:"received"`

	// From is the sender on the envelope.
	From string `json:"from"`

	// To is the recipients on the envelope, in the order the client named them.
	To []string `json:"to"`

	// MessageID is the header Message-ID as it was sent, with its angle brackets.
	MessageID string `json:"messageID"`

	// Subject is the decoded subject.
	Subject string `json:"subject"`

	// Kind is the header X-Partner-Operator-Mail: invite, sign-in or revoked.
	Kind string `json:"kind"`

	// Header is the header of the mail, under canonical names and not decoded.
	Header mail.Header `json:"-"`

	// Text is the decoded text part, or all of a mail that is no MIME. Lines end with \n.
	Text string `json:"text"`

	// HTML is the decoded HTML part. Lines end with \n.
	HTML string `json:"html"`

	// Links is the http and https addresses in Text, in order.
	Links []string `json:"links"`

	// Raw is the mail as it was sent. Lines end with \r\n.
	Raw []byte `json:"-"`
}

// parseMessage reads as much of a mail as it understands. A mail without a readable header is all text.
func parseMessage(raw []byte) Message {
	message := Message{Raw: raw, Header: mail.Header{}}
	if parsed, err := mail.ReadMessage(bytes.NewReader(raw)); err == nil {
		message.Header = parsed.Header
		var parts bodyParts
		parts.collect(partHeader(parsed.Header), parsed.Body, 0)
		message.Text, message.HTML = parts.text, parts.html
	} else {
		message.Text = plainLines(raw)
	}
	message.MessageID = message.Header.Get("Message-ID")
	message.Subject = decodeWords(message.Header.Get("Subject"))
	message.Kind = message.Header.Get(kindHeader)
	message.Links = findLinks(message.Text)
	return message
}

// decodeWords decodes a header with characters beyond ASCII. One that is not well-formed is shown as it is.
func decodeWords(header string) string {
	decoded, err := new(mime.WordDecoder).DecodeHeader(header)
	if err != nil {
		return header
	}
	return decoded
}
