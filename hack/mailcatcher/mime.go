package mailcatcher

import (
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/textproto"
	"strings"
)

// maxDepth is how many multiparts may be inside each other. A mail of ours has one.
const maxDepth = 8

type partHeader = textproto.MIMEHeader

// bodyParts is the first text and the first HTML of a mail, which is what a mail program would show.
type bodyParts struct {
	text, html string
}

// collect looks through one part and the parts in it. What cannot be decoded to its end counts as far as it goes.
func (b *bodyParts) collect(header partHeader, body io.Reader, depth int) {
	mediaType, parameters, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		mediaType = "text/plain"
	}
	if disposition, _, _ := mime.ParseMediaType(header.Get("Content-Disposition")); disposition == "attachment" {
		return
	}
	switch {
	case strings.HasPrefix(mediaType, "multipart/"):
		b.collectAll(multipart.NewReader(body, parameters["boundary"]), depth+1)
	case mediaType == "text/plain" && b.text == "":
		b.text = decodeBody(header, body)
	case mediaType == "text/html" && b.html == "":
		b.html = decodeBody(header, body)
	}
}

func (b *bodyParts) collectAll(parts *multipart.Reader, depth int) {
	if depth > maxDepth {
		return
	}
	for {
		part, err := parts.NextRawPart()
		if err != nil {
			return
		}
		b.collect(part.Header, part, depth)
	}
}

func decodeBody(header partHeader, body io.Reader) string {
	switch strings.ToLower(strings.TrimSpace(header.Get("Content-Transfer-Encoding"))) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	decoded, _ := io.ReadAll(body)
	return plainLines(decoded)
}

func plainLines(text []byte) string {
	return strings.ToValidUTF8(strings.ReplaceAll(string(text), "\r\n", "\n"), "\uFFFD")
}
