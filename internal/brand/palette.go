package brand

// Surfaces are the colours that text stands on, all of them light or all of them dark. The first is the one that most
// of it stands on.
type Surfaces []Color

// The surfaces of the portal's pages: a card, and the page around it.
var (
	Light = Surfaces{white, {0xf3, 0xf4, 0xf6}}
	Dark  = Surfaces{{0x1b, 0x21, 0x2a}, {0x12, 0x16, 0x1c}}
)

// Palette is how an accent is shown on a page.
type Palette struct {
	// Fill is what a button is filled with: the accent as it is. OnFill is the text on it.
	Fill, OnFill Color
	// Tint is what a surface is tinted with that belongs to the accent.
	Tint Color
	// Ink is for links, tags and borders. It can be read on all surfaces and on Tint.
	Ink Color
}

// tinted is how much of the accent a tint holds.
const tinted = 0.1

// Palette shows a colour on surfaces. Ink is the colour itself where it can be read there, else as little darker, or on
// dark surfaces lighter, as it takes.
func (c Color) Palette(surfaces Surfaces) Palette {
	p := Palette{Fill: c, OnFill: c.Text(), Tint: surfaces[0].mix(c, tinted), Ink: c}
	toward := surfaces[0].Text()
	for share := 0.05; !p.Ink.legibleOn(p.Tint, surfaces) && share < 1; share += 0.05 {
		p.Ink = c.mix(toward, share)
	}
	return p
}

func (c Color) legibleOn(tint Color, surfaces Surfaces) bool {
	for _, surface := range surfaces {
		if c.contrast(surface) < legible {
			return false
		}
	}
	return c.contrast(tint) >= legible
}

// mix is this colour with a share of another, 0 to 1.
func (c Color) mix(other Color, share float64) Color {
	channel := func(a, b uint8) uint8 { return uint8(float64(a)*(1-share) + float64(b)*share + 0.5) }
	return Color{channel(c.R, other.R), channel(c.G, other.G), channel(c.B, other.B)}
}
