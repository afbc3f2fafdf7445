package smtp

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseURL(t *testing.T) {
	const form = "smtp://[user@]host:port?tls=starttls|implicit|none"
	for name, test := range map[string]struct {
		text      string
		want      Config
		wantError string
	}{
		"a host alone":              {text: "smtp://mail.example.com", want: Config{Host: "mail.example.com", Port: 587, TLS: StartTLS}},
		"a port":                    {text: "smtp://mail.example.com:2525", want: Config{Host: "mail.example.com", Port: 2525, TLS: StartTLS}},
		"a user":                    {text: "smtp://acme@mail.example.com", want: Config{Host: "mail.example.com", Port: 587, TLS: StartTLS, Username: "acme"}},
		"a user that is an address": {text: "smtp://acme%40example.com@mail.example.com", want: Config{Host: "mail.example.com", Port: 587, TLS: StartTLS, Username: "acme@example.com"}},
		"starttls":                  {text: "smtp://mail.example.com?tls=starttls", want: Config{Host: "mail.example.com", Port: 587, TLS: StartTLS}},
		"implicit":                  {text: "smtp://mail.example.com?tls=implicit", want: Config{Host: "mail.example.com", Port: 465, TLS: Implicit}},
		"none":                      {text: "smtp://mail.example.com?tls=none", want: Config{Host: "mail.example.com", Port: 25, TLS: None}},
		"none and a port":           {text: "smtp://localhost:1025?tls=none", want: Config{Host: "localhost", Port: 1025, TLS: None}},
		"everything":                {text: "smtp://acme@mail.example.com:4650/?tls=implicit", want: Config{Host: "mail.example.com", Port: 4650, TLS: Implicit, Username: "acme"}},
		"the scheme in capitals":    {text: "SMTP://mail.example.com", want: Config{Host: "mail.example.com", Port: 587, TLS: StartTLS}},
		"an IPv6 address":           {text: "smtp://[::1]:1025?tls=none", want: Config{Host: "::1", Port: 1025, TLS: None}},
		"IPv6 without a port":       {text: "smtp://[2001:db8::1]", want: Config{Host: "2001:db8::1", Port: 587, TLS: StartTLS}},
		"IPv6 with a zone":          {text: "smtp://[fe80::1%25eth0]:25?tls=none", want: Config{Host: "fe80::1%eth0", Port: 25, TLS: None}},
		"the highest port":          {text: "smtp://mail.example.com:65535", want: Config{Host: "mail.example.com", Port: 65535, TLS: StartTLS}},

		"no URL":                     {text: "smtp://mail example.com", wantError: "is not a URL; write " + form},
		"a port that is no number":   {text: "smtp://mail.example.com:smtp", wantError: "is not a URL; write " + form},
		"nothing":                    {text: "", wantError: `has the scheme ""; write ` + form},
		"a host without a scheme":    {text: "mail.example.com", wantError: `has the scheme ""; write ` + form},
		"a host and a port":          {text: "mail.example.com:587", wantError: `has the scheme "mail.example.com"; write ` + form},
		"another scheme":             {text: "smtps://mail.example.com", wantError: `has the scheme "smtps"; write ` + form},
		"a password":                 {text: "smtp://acme:secret@mail.example.com", wantError: "holds a password; put it into a file and name that with --smtp-password-file"},
		"an empty password":          {text: "smtp://acme:@mail.example.com", wantError: "holds a password; put it into a file and name that with --smtp-password-file"},
		"no host":                    {text: "smtp://", wantError: "must name a host and no path: " + form},
		"a port and no host":         {text: "smtp://:587", wantError: "must name a host and no path: " + form},
		"a path":                     {text: "smtp://mail.example.com/inbox", wantError: "must name a host and no path: " + form},
		"another option":             {text: "smtp://mail.example.com?ssl=true", wantError: `has the option "ssl"; only tls=starttls|implicit|none is known`},
		"the option twice":           {text: "smtp://mail.example.com?tls=none&tls=implicit", wantError: `has the option "tls"; only tls=starttls|implicit|none is known`},
		"another way of TLS":         {text: "smtp://mail.example.com?tls=always", wantError: "has tls=always; it can be starttls, implicit or none"},
		"TLS in capitals":            {text: "smtp://mail.example.com?tls=NONE", wantError: "has tls=NONE; it can be starttls, implicit or none"},
		"TLS without a value":        {text: "smtp://mail.example.com?tls", wantError: "has tls=; it can be starttls, implicit or none"},
		"port 0":                     {text: "smtp://mail.example.com:0", wantError: `has the port "0"; it can be 1 to 65535`},
		"a port that is too high":    {text: "smtp://mail.example.com:65536", wantError: `has the port "65536"; it can be 1 to 65535`},
		"a port beyond all numbers":  {text: "smtp://mail.example.com:99999999999999999999", wantError: `has the port "99999999999999999999"; it can be 1 to 65535`},
		"a password, another scheme": {text: "smtps://acme:secret@mail.example.com", wantError: `has the scheme "smtps"; write ` + form},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseURL(test.text)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
			}
			switch {
			case test.wantError == "" && err != nil:
				t.Error(err)
			case test.wantError != "" && (err == nil || err.Error() != test.wantError):
				t.Errorf("error = %v, want %s", err, test.wantError)
			}
		})
	}
}

// An option that cannot be read must not be taken for none: the connection would be protected in another way than asked.
func TestParseURLReadsAllOfTheOptions(t *testing.T) {
	for name, text := range map[string]string{
		"a semicolon":      "smtp://mail.example.com?tls=implicit;x=y",
		"a broken escape":  "smtp://mail.example.com?tls=%zz",
		"something behind": "smtp://mail.example.com?tls=none#implicit",
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := ParseURL(text); err == nil {
				t.Errorf("ParseURL = %+v", got)
			}
		})
	}
}

func TestAddress(t *testing.T) {
	for want, config := range map[string]Config{
		"mail.example.com:587": {Host: "mail.example.com", Port: 587},
		"[::1]:25":             {Host: "::1", Port: 25},
		"[fe80::1%eth0]:25":    {Host: "fe80::1%eth0", Port: 25},
	} {
		if got := config.Address(); got != want {
			t.Errorf("Address = %s, want %s", got, want)
		}
	}
}

func TestPassword(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	for name, test := range map[string]struct{ content, want string }{
		"as it is":                {"s3cret", "s3cret"},
		"a line break at the end": {"s3cret\n", "s3cret"},
		"of Windows":              {"s3cret\r\n", "s3cret"},
		"blanks belong to it":     {" s3 cret \n", " s3 cret "},
		"an empty file":           {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(file, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if got, err := (Config{PasswordFile: file}).password(); err != nil || got != test.want {
				t.Errorf("password = %q, %v", got, err)
			}
		})
	}
	if got, err := (Config{}).password(); got != "" || err != nil {
		t.Errorf("without a file the password is %q, %v", got, err)
	}
	if _, err := (Config{PasswordFile: file + "-gone"}).password(); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("of a file that is gone the error is %v", err)
	}
}

func TestParseSecret(t *testing.T) {
	const url = "smtp://mail.example.com"
	ca := authority(t)
	plain := Config{Host: "mail.example.com", Port: 587, TLS: StartTLS}
	with := func(change func(*Config)) Config {
		config := plain
		change(&config)
		return config
	}
	for name, test := range map[string]struct {
		secret    map[string]string
		want      Config
		wantError string
	}{
		"a server alone":         {secret: map[string]string{"url": "smtp://mail.example.com:25?tls=none"}, want: Config{Host: "mail.example.com", Port: 25, TLS: None}},
		"a user and a password":  {secret: map[string]string{"url": "smtp://mail.example.com\n", "username": "acme\n", "password": " s3 cret\n"}, want: Config{Host: "mail.example.com", Port: 587, TLS: StartTLS, Username: "acme", Password: " s3 cret"}},
		"the user in the URL":    {secret: map[string]string{"url": "smtp://acme@mail.example.com", "password": "s3cret"}, want: Config{Host: "mail.example.com", Port: 587, TLS: StartTLS, Username: "acme", Password: "s3cret"}},
		"the user in both":       {secret: map[string]string{"url": "smtp://acme@mail.example.com", "username": "acme", "password": "s3cret"}, want: Config{Host: "mail.example.com", Port: 587, TLS: StartTLS, Username: "acme", Password: "s3cret"}},
		"nothing":                {wantError: "has the key url, which has another scheme than smtp"},
		"a password in the URL":  {secret: map[string]string{"url": "smtp://acme:s3cret@mail.example.com"}, wantError: "has the key url, which holds a password"},
		"a password as a scheme": {secret: map[string]string{"url": "s3cret:587"}, wantError: "has the key url, which has another scheme than smtp"},
		"one that is cut by a ?": {secret: map[string]string{"url": "smtp://acme:12?s3cret@mail.example.com"}, wantError: "has the key url, which has an option that is not known"},
		"one as TLS":             {secret: map[string]string{"url": "smtp://mail.example.com?tls=s3cret"}, wantError: "has the key url, which has another way of tls"},
		"two users":              {secret: map[string]string{"url": "smtp://acme@mail.example.com", "username": "other", "password": "s3cret"}, wantError: "names two users"},
		"a user and no password": {secret: map[string]string{"url": "smtp://mail.example.com", "username": "acme"}, wantError: "must have username and password, or neither"},
		"a name for EHLO":        {secret: map[string]string{"url": url, "helo": "mail.acme.example\n"}, want: with(func(c *Config) { c.Helo = "mail.acme.example" })},
		"an authority":           {secret: map[string]string{"url": url, "ca.crt": string(ca)}, want: with(func(c *Config) { c.CA = ca })},
		"an empty authority":     {secret: map[string]string{"url": url, "ca.crt": ""}, want: plain},
		"connections":            {secret: map[string]string{"url": url, "connections": "16\n"}, want: with(func(c *Config) { c.Connections = 16 })},
		"a name of two words":    {secret: map[string]string{"url": url, "helo": "s3cret s3cret"}, wantError: "has the key helo, which is no name for EHLO"},
		"no authority":           {secret: map[string]string{"url": url, "ca.crt": "s3cret"}, wantError: "has the key ca.crt, which holds no certificate"},
		"no connection":          {secret: map[string]string{"url": url, "connections": "0"}, wantError: "has the key connections, which is no number from 1 to 16"},
		"too many connections":   {secret: map[string]string{"url": url, "connections": "17"}, wantError: "has the key connections"},
		"connections in words":   {secret: map[string]string{"url": url, "connections": "s3cret"}, wantError: "has the key connections"},
		"a password and no user": {secret: map[string]string{"url": "smtp://mail.example.com", "password": "s3cret"}, wantError: "must have username and password, or neither"},
	} {
		t.Run(name, func(t *testing.T) {
			data := map[string][]byte{}
			for key, text := range test.secret {
				data[key] = []byte(text)
			}
			got, err := ParseSecret(data)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
			}
			switch {
			case test.wantError == "" && err != nil:
				t.Error(err)
			case test.wantError != "" && (err == nil || !strings.Contains(err.Error(), test.wantError) || strings.Contains(err.Error(), "s3cret")):
				t.Errorf("error = %v, want %s", err, test.wantError)
			}
		})
	}
}
