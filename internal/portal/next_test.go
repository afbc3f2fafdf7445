package portal

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestOwnPath(t *testing.T) {
	for text, own := range map[string]bool{
		"/t/acme/":                            true,
		"/t/acme/links":                       true,
		"/t/acme/teams/agency?tab=people":     true,
		"":                                    false,
		"/":                                   false,
		"/t/acme":                             false,
		"/t/other/":                           false,
		"/t/acme-evil/":                       false,
		"/r/acme/ada":                         false,
		"t/acme/":                             false,
		"//evil.example/t/acme/":              false,
		"///evil.example":                     false,
		"/\\evil.example":                     false,
		"/t/acme/\\evil.example":              false,
		"https://evil.example/t/acme/":        false,
		"https:/t/acme/":                      false,
		"javascript:alert(1)":                 false,
		"/t/acme/../other/":                   false,
		"/t/acme/%2e%2e/other/":               false,
		"/t/acme//evil.example":               false,
		"/t/acme/./links":                     false,
		"/t/acme/links#top":                   false,
		"/t/acme/links\r\nSet-Cookie: a=b":    false,
		"/t/acme/links\t":                     false,
		" /t/acme/links":                      false,
		"/t/acme/lïnks":                       false,
		"/t/acme/" + strings.Repeat("a", 512): false,
	} {
		if got := ownPath("acme", text); (got != "") != own || own && got != text {
			t.Errorf("%q gives %q", text, got)
		}
	}
}

func FuzzOwnPath(f *testing.F) {
	for _, text := range []string{"/t/acme/links", "//evil.example", "/t/acme/..//", "/t/acme/%2f%2fevil", "https://a@b/t/acme/", "/t/acme/?a=b#c"} {
		f.Add(text)
	}
	base, _ := url.Parse("https://partners.example.com/t/acme/login")
	f.Fuzz(func(t *testing.T, text string) {
		own := ownPath("acme", text)
		if own == "" {
			return
		}
		target, err := base.Parse(own)
		if err != nil || target.Host != base.Host || target.Scheme != base.Scheme || !strings.HasPrefix(target.Path, "/t/acme/") {
			t.Errorf("%q leads to %v, %v", text, target, err)
		}
		w := httptest.NewRecorder()
		http.Redirect(w, httptest.NewRequest(http.MethodPost, "/t/acme/login", nil), own, http.StatusSeeOther)
		if got := w.Header().Get("Location"); !strings.HasPrefix(got, "/t/acme/") {
			t.Errorf("%q redirects to %q", text, got)
		}
	})
}
