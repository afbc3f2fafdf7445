package portal

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/partner-operator/partner-operator/internal/brand"
)

func asset(name string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/assets/"+name, nil)
	r.SetPathValue("file", name)
	w := httptest.NewRecorder()
	serveAsset(w, r)
	return w
}

func TestAssetsAreNamedByWhatTheyHold(t *testing.T) {
	wine := brand.Color{R: 0x7a, G: 0x1f, B: 0x3d}
	got := asset(stylesheetName(wine))
	if body := got.Body.String(); got.Code != http.StatusOK || !strings.Contains(body, "--fill: #7a1f3d;") || !strings.HasSuffix(body, string(stylesheet)) {
		t.Errorf("the stylesheet is %d %s", got.Code, body)
	}
	if kept := got.Header().Get("Cache-Control"); !strings.Contains(kept, "immutable") {
		t.Errorf("browsers keep the stylesheet so: %q", kept)
	}
	if got := asset(iconName(wine)); got.Code != http.StatusOK || got.Header().Get("Content-Type") != "image/svg+xml" || !strings.Contains(got.Body.String(), "#7a1f3d") {
		t.Errorf("the icon is %d %s", got.Code, got.Body)
	}
}

// While replicas are replaced one by one, pages and stylesheets of two versions meet.
func TestStylesheetOfAnotherVersionIsNotKept(t *testing.T) {
	got := asset("portal-0123456789ab-2347c5.css")
	if got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "--fill: #2347c5;") {
		t.Errorf("it is %d %s", got.Code, got.Body)
	}
	if kept := got.Header().Get("Cache-Control"); strings.Contains(kept, "immutable") {
		t.Errorf("browsers keep it for ever: %q", kept)
	}
}

func TestOtherAssetsAreNotFound(t *testing.T) {
	name := stylesheetName(brand.Color{})
	for _, other := range []string{
		"portal.css", "portal-.css", "icon-.svg", "icon-fff.svg", "icon-7a1f3d.css", "icon-7A1F3D.svg", name + "/", strings.Replace(name, "000000", "00000g", 1),
		strings.Replace(name, "000000", "0;}*{color:red", 1), "../portal.css", "",
	} {
		if got := asset(other); got.Code != http.StatusNotFound {
			t.Errorf("%q is answered with %d %s", other, got.Code, got.Body)
		}
	}
}

// The rules for colours know the surfaces of the stylesheet.
func TestPaletteIsMadeForTheSurfacesOfTheStylesheet(t *testing.T) {
	css := string(stylesheet)
	light, dark, found := strings.Cut(css, "@media (prefers-color-scheme: dark)")
	if !found {
		t.Fatal("the stylesheet has no dark form")
	}
	for part, surfaces := range map[string]brand.Surfaces{light: brand.Light, dark: brand.Dark} {
		for i, name := range []string{"card", "page"} {
			want := regexp.MustCompile(`--` + name + `: (#[0-9a-f]{6});`).FindStringSubmatch(part)
			if want == nil || surfaces[i].String() != want[1] {
				t.Errorf("--%s is %v in the stylesheet, and %s in the rules", name, want, surfaces[i])
			}
		}
	}
}

// Every colour that the stylesheet uses is one that it, or what is painted before it, gives.
func TestStylesheetUsesTheColorsThatThereAre(t *testing.T) {
	whole := paint(brand.Color{}) + string(stylesheet)
	for _, used := range regexp.MustCompile(`var\((--[a-z-]+)\)`).FindAllStringSubmatch(whole, -1) {
		if !strings.Contains(whole, used[1]+": ") {
			t.Errorf("%s is used and given nowhere", used[1])
		}
	}
}

func TestContentSecurityLetsTheLogoIn(t *testing.T) {
	if got := contentSecurity(""); !strings.Contains(got, "img-src 'self';") {
		t.Errorf("without a logo: %s", got)
	}
	if got := contentSecurity("https://cdn.acme.example"); !strings.Contains(got, "img-src 'self' https://cdn.acme.example;") {
		t.Errorf("with a logo: %s", got)
	}
}
