package portal

import (
	"crypto/sha256"
	_ "embed" // the stylesheet
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/partner-operator/partner-operator/internal/brand"
)

//go:embed assets/portal.css
var stylesheet []byte

// stylesheetVersion changes with the content, so browsers may keep the file for ever.
var stylesheetVersion = func() string {
	sum := sha256.Sum256(append([]byte(paint(brand.Color{})), stylesheet...))
	return hex.EncodeToString(sum[:6])
}()

// stylesheetName and iconName name the assets in a colour. The name says all that there is to know of them, so serving
// them looks nothing up.
func stylesheetName(accent brand.Color) string {
	return "portal-" + stylesheetVersion + "-" + accent.String()[1:] + ".css"
}

func iconName(accent brand.Color) string { return "icon-" + accent.String()[1:] + ".svg" }

// paint is the part of the stylesheet that depends on the colour.
func paint(accent brand.Color) string {
	light, dark := accent.Palette(brand.Light), accent.Palette(brand.Dark)
	return fmt.Sprintf(":root { --fill: %s; --on-fill: %s; --tint: %s; --ink: %s; }\n"+
		"@media (prefers-color-scheme: dark) { :root { --fill: %s; --on-fill: %s; --tint: %s; --ink: %s; } }\n",
		light.Fill, light.OnFill, light.Tint, light.Ink, dark.Fill, dark.OnFill, dark.Tint, dark.Ink)
}

// icon is what tabs and bookmarks show: the mark of the layout, with a rim for where its colour is that of the browser.
func icon(accent brand.Color) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">`+
		`<path fill="%s" stroke="#ffffff" stroke-width="1.5" d="M2 14C2 5 9 2 14 2c10 0 16 6 16 15 0 8-5 13-12 13C8 30 2 23 2 14z"/></svg>`, accent)
}

var (
	stylesheetFile = regexp.MustCompile(`^portal-([0-9a-f]{12})-([0-9a-f]{6})\.css$`)
	iconFile       = regexp.MustCompile(`^icon-([0-9a-f]{6})\.svg$`)
)

// serveAsset answers with a stylesheet or an icon.
func serveAsset(w http.ResponseWriter, r *http.Request) {
	file := r.PathValue("file")
	if match := stylesheetFile.FindStringSubmatch(file); match != nil {
		accent, _ := brand.ParseColor("#" + match[2]) // the pattern lets only colours through
		// While replicas are replaced, the page of one may ask another for a stylesheet of the other version: it gets the
		// one there is, and must not keep it.
		serveText(w, r, "text/css; charset=utf-8", paint(accent)+string(stylesheet), match[1] == stylesheetVersion)
	} else if match := iconFile.FindStringSubmatch(file); match != nil {
		accent, _ := brand.ParseColor("#" + match[1])
		serveText(w, r, "image/svg+xml", icon(accent), true)
	} else {
		http.NotFound(w, r)
	}
}

func serveText(w http.ResponseWriter, r *http.Request, contentType, text string, keep bool) {
	w.Header().Set("Content-Type", contentType)
	if keep {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(text))
}
