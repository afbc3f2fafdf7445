package brand

import (
	"math"
	"strings"
	"testing"
)

func TestParseColor(t *testing.T) {
	for text, want := range map[string]Color{
		"#2347c5": {0x23, 0x47, 0xc5}, "#ABCDEF": {0xab, 0xcd, 0xef}, "#000000": {}, "#ffffff": {0xff, 0xff, 0xff}, "#1aF": {0x11, 0xaa, 0xff}, "#000": {},
	} {
		got, err := ParseColor(text)
		if err != nil || got != want {
			t.Errorf("ParseColor(%q) = %v, %v", text, got, err)
		}
		if len(text) == 7 && got.String() != strings.ToLower(text) {
			t.Errorf("%s writes itself as %s", text, got)
		}
	}
	for _, text := range []string{
		"", "#", "#1", "#12", "#1234", "#12345", "#1234567", "#12345678", "2347c5", "f2347c5", "fff", "ffff", "#ggg", "#12345g", "#-1234", "#+1f", "#0x1", "#1_2345", "# fff", "##fff", "#é1", "#٣٣٣",
		"red", "rgb(0,0,0)", "#fff;",
	} {
		if got, err := ParseColor(text); err == nil || got != (Color{}) {
			t.Errorf("ParseColor(%q) = %v, %v", text, got, err)
		}
	}
}

// The figures are those that the calculators for WCAG give.
func TestContrast(t *testing.T) {
	for text, want := range map[string]float64{
		"#000000": 21, "#ffffff": 1, "#777777": 4.48, "#767676": 4.54, "#ff0000": 4.00, "#00ff00": 1.37, "#0000ff": 8.59, "#ffff00": 1.07, "#2347c5": 7.56, "#0a0a0a": 19.80,
	} {
		c, err := ParseColor(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.contrast(white); math.Abs(got-want) > 0.01 || got != white.contrast(c) {
			t.Errorf("%s on white has a contrast of %.2f, want %.2f", text, got, want)
		}
	}
}

func everyColor(yield func(Color) bool) {
	const step = 15 // divides 255, so that black and white are among them
	for r := 0; r <= 255; r += step {
		for g := 0; g <= 255; g += step {
			for b := 0; b <= 255; b += step {
				if !yield(Color{uint8(r), uint8(g), uint8(b)}) {
					return
				}
			}
		}
	}
}

func TestTextCanBeReadOnAnyColor(t *testing.T) {
	for c := range everyColor {
		if on := c.Text(); on.contrast(c) < 4.5 || on != white && on != black {
			t.Fatalf("%s on %s has a contrast of %.2f", on, c, on.contrast(c))
		}
	}
}

func TestInkCanBeReadOnWhite(t *testing.T) {
	for c := range everyColor {
		ink := c.Ink()
		switch {
		case ink.contrast(white) < 4.5:
			t.Fatalf("the ink of %s is %s, with a contrast of %.2f", c, ink, ink.contrast(white))
		case c.contrast(white) >= 4.5 && ink != c:
			t.Fatalf("the ink of %s, which can be read, is %s", c, ink)
		case c.contrast(white) < 4.5 && ink.contrast(white) > 5.4:
			t.Fatalf("the ink of %s is %s, darker than it need be: %.2f", c, ink, ink.contrast(white))
		case ink.R > c.R || ink.G > c.G || ink.B > c.B:
			t.Fatalf("the ink of %s is %s, of another colour", c, ink)
		}
	}
}
