package brand

import "testing"

func TestPaletteCanBeReadOnEverySurface(t *testing.T) {
	for name, surfaces := range map[string]Surfaces{"light": Light, "dark": Dark} {
		for c := range everyColor {
			p := c.Palette(surfaces)
			if p.Fill != c || p.OnFill.contrast(p.Fill) < legible {
				t.Fatalf("%s: buttons of %s are %s on %s", name, c, p.OnFill, p.Fill)
			}
			if p.Ink.contrast(p.Tint) < legible {
				t.Fatalf("%s: the ink of %s is %s, with a contrast of %.2f on its tint %s", name, c, p.Ink, p.Ink.contrast(p.Tint), p.Tint)
			}
			for _, surface := range surfaces {
				if p.Ink.contrast(surface) < legible {
					t.Fatalf("%s: the ink of %s is %s, with a contrast of %.2f on %s", name, c, p.Ink, p.Ink.contrast(surface), surface)
				}
				if white.contrast(p.Tint) < legible && black.contrast(p.Tint) < legible {
					t.Fatalf("%s: nothing can be read on the tint of %s, %s", name, c, p.Tint)
				}
			}
		}
	}
}

func TestPaletteChangesNoMoreThanItMust(t *testing.T) {
	for _, test := range []struct {
		accent         string
		light, dark    string // the ink
		whiteOnButtons bool
	}{
		{accent: "#2347c5", light: "#2347c5", dark: "#7b91dc", whiteOnButtons: true},
		{accent: "#7a1f3d", light: "#7a1f3d", dark: "#b68494", whiteOnButtons: true},
		{accent: "#ffd400", light: "#806a00", dark: "#ffd400"},
		{accent: "#ffffff", light: "#666666", dark: "#ffffff"},
		{accent: "#000000", light: "#000000", dark: "#8c8c8c", whiteOnButtons: true},
	} {
		c, err := ParseColor(test.accent)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Palette(Light).Ink.String(); got != test.light {
			t.Errorf("on light pages the ink of %s is %s, want %s", test.accent, got, test.light)
		}
		if got := c.Palette(Dark).Ink.String(); got != test.dark {
			t.Errorf("on dark pages the ink of %s is %s, want %s", test.accent, got, test.dark)
		}
		if got := c.Palette(Light).OnFill == white; got != test.whiteOnButtons {
			t.Errorf("white text on buttons of %s: %v", test.accent, got)
		}
	}
}
