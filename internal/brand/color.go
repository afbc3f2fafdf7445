package brand

import (
	"errors"
	"fmt"
	"math"
	"strconv"
)

// Color is a colour without transparency.
type Color struct{ R, G, B uint8 }

var (
	defaultAccent = Color{0x23, 0x47, 0xc5}
	white         = Color{0xff, 0xff, 0xff}
	black         = Color{0, 0, 0}
)

// legible is the contrast that normal text needs against what is behind it, by WCAG 2.2, 1.4.3.
const legible = 4.5

// ParseColor reads #rrggbb or #rgb.
func ParseColor(text string) (Color, error) {
	wrong := errors.New("must be a colour such as #2347c5")
	if len(text) == 4 {
		text = string([]byte{text[0], text[1], text[1], text[2], text[2], text[3], text[3]})
	}
	if len(text) != 7 || text[0] != '#' {
		return Color{}, wrong
	}
	value, err := strconv.ParseUint(text[1:], 16, 24)
	if err != nil {
		return Color{}, wrong
	}
	return Color{uint8(value >> 16), uint8(value >> 8), uint8(value)}, nil //nolint:gosec // the lowest byte of each is meant
}

// String is the colour as CSS writes it.
func (c Color) String() string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// Text is the colour of text on this one that can be read best: black or white.
func (c Color) Text() Color {
	if c.contrast(white) >= c.contrast(black) {
		return white
	}
	return black
}

// Ink is this colour, made darker until text in it can be read on white.
func (c Color) Ink() Color {
	for ; c.contrast(white) < legible; c = c.darker() {
	}
	return c
}

func (c Color) darker() Color {
	dim := func(channel uint8) uint8 { return uint8(float64(channel) * 0.95) }
	return Color{dim(c.R), dim(c.G), dim(c.B)}
}

// contrast is the ratio of the lighter to the darker colour's luminance, 1 to 21.
func (c Color) contrast(other Color) float64 {
	a, b := c.luminance(), other.luminance()
	return (max(a, b) + 0.05) / (min(a, b) + 0.05)
}

func (c Color) luminance() float64 {
	linear := func(channel uint8) float64 {
		v := float64(channel) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}
