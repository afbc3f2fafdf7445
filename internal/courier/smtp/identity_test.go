package smtp

import (
	"bytes"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckHelo(t *testing.T) {
	for name, fits := range map[string]bool{
		"mail.example.com": true, "localhost": true, "a": true, "xn--bcher-kva.example": true, "10.example.com": true,
		"[192.0.2.1]": true, "[IPv6:2001:db8::1]": true,
		"": false, "192.0.2.1": false, "2001:db8::1": false, "[2001:db8::1]": false, "[IPv6:192.0.2.1]": false, "[]": false, "[192.0.2.1": false, "[IPv6:fe80::1%eth0]": false,
		"[mail.example.com]": false, "mail example": false, "mail.example.com.": false, ".example.com": false, "-a.example": false, "a-.example": false, "a_b.example": false,
		"b\u00fccher.example": false, "mail.example.com\r\nQUIT": false, "mail.example.com\n": false, strings.Repeat("a.", 127): false, strings.Repeat("a", 64): false,
		strings.Repeat("a.", 126) + "a": true, strings.Repeat("a.", 127) + "a": false,
	} {
		if err := CheckHelo(name); (err == nil) != fits {
			t.Errorf("CheckHelo(%q) = %v", name, err)
		}
	}
}

func TestHelo(t *testing.T) {
	for _, test := range []struct{ given, domain, want string }{
		{"operator.example.com", "acme.example", "operator.example.com"},
		{"[192.0.2.1]", "acme.example", "[192.0.2.1]"},
		{"", "acme.example", "acme.example"},
		{"", "localhost", "[127.0.0.1]"},
		{"", "", "[127.0.0.1]"},
		{"", "192.0.2.1", "[127.0.0.1]"},
		{"", "b\u00fccher.example", "[127.0.0.1]"},
		{"", "acme.example\r\nQUIT", "[127.0.0.1]"},
	} {
		if got := (Config{Helo: test.given}).helo(test.domain); got != test.want {
			t.Errorf("of %q and %q: %q, want %q", test.given, test.domain, got, test.want)
		}
	}
}

func TestDefaultHelo(t *testing.T) {
	for host, want := range map[string]string{"partners.example.com": "partners.example.com", "localhost": "", "portal": "", "192.0.2.1": "", "::1": "", "": ""} {
		if got := DefaultHelo(host); got != want {
			t.Errorf("of %q: %q, want %q", host, got, want)
		}
	}
}

// authority is a certificate in PEM.
func authority(t *testing.T) []byte {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

func TestCheckCA(t *testing.T) {
	one := authority(t)
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("s3cret")})
	for name, test := range map[string]struct {
		content []byte
		want    string
	}{
		"one":                   {one, ""},
		"two":                   {bytes.Repeat(one, 2), ""},
		"with a text around it": {append([]byte("our authority\n"), append(one, "\nuntil 2030\n"...)...), ""},
		"nothing":               {nil, "holds no certificate"},
		"a text":                {[]byte("s3cret"), "holds no certificate"},
		"one that is cut off":   {one[:len(one)-40], "cut off"},
		"a second one, cut off": {append(bytes.Clone(one), one[:len(one)-40]...), "cut off"},
		"a key":                 {key, "only certificates"},
		"a key beside it":       {append(bytes.Clone(one), key...), "only certificates"},
		"no certificate in it":  {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("s3cret")}), "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			err := CheckCA(test.content)
			if (err == nil) != (test.want == "") || err != nil && (!strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "s3cret")) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// Its own authorities stand beside those of the system, and the file is read each time.
func TestRoots(t *testing.T) {
	if pool, err := (Config{}).roots(); pool != nil || err != nil {
		t.Errorf("without any: %v, %v", pool, err)
	}
	file := filepath.Join(t.TempDir(), "ca.crt")
	config := Config{CAFile: file}
	if _, err := config.roots(); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("of a file that is gone: %v", err)
	}
	for content, fits := range map[string]bool{"": false, string(authority(t)): true, "s3cret": false} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if pool, err := config.roots(); (err == nil) != fits || (pool != nil) != fits {
			t.Errorf("of %q: %v", content, err)
		}
	}
	if pool, err := (Config{CA: authority(t)}).roots(); pool == nil || err != nil {
		t.Errorf("of a Secret: %v", err)
	}
}
