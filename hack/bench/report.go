package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"time"
)

// figure is one thing that was measured, and what it is compared with.
type figure struct {
	// Measurement and Name say what was measured.
	Measurement string `json:"measurement"`
	Name        string `json:"name"`
	// Value is the median over the rounds, in Unit.
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	// Beside says what it is compared with, Other what that gave; empty: with nothing.
	Beside string  `json:"beside,omitempty"`
	Other  float64 `json:"other,omitempty"`
	// Ratio is the median of what the rounds gave for Value by Other.
	Ratio float64 `json:"ratio,omitempty"`
}

// report is all that was measured.
type report struct {
	Time    time.Time `json:"time"`
	Cores   int       `json:"cores"`
	Go      string    `json:"go"`
	Figures []figure  `json:"figures"`

	current string
}

func newReport() *report {
	return &report{Time: time.Now().UTC().Truncate(time.Second), Cores: runtime.NumCPU(), Go: runtime.Version()}
}

func (r *report) begin(name, what string) {
	r.current = name
	fmt.Printf("\n%s: %s\n", name, what)
}

// add notes a figure that is compared with nothing.
func (r *report) add(name string, value float64, unit string) {
	r.put(figure{Name: name, Value: value, Unit: unit})
}

// compare notes a figure beside another: values and others are those of the rounds, in order.
func (r *report) compare(name string, values []float64, unit, beside string, others []float64) {
	var ratios []float64
	for i := range values {
		ratios = append(ratios, values[i]/others[i])
	}
	r.put(figure{Name: name, Value: median(values), Unit: unit, Beside: beside, Other: median(others), Ratio: median(ratios)})
}

func (r *report) put(f figure) {
	f.Measurement = r.current
	r.Figures = append(r.Figures, f)
	fmt.Printf("  %-52s %10s %-12s", f.Name, number(f.Value), f.Unit)
	if f.Beside != "" {
		fmt.Printf(" %10s %-28s %6.2f", number(f.Other), f.Beside, f.Ratio)
	}
	fmt.Println()
}

func (r *report) write(file string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

func number(value float64) string {
	switch {
	case value == float64(int64(value)):
		return strconv.FormatInt(int64(value), 10)
	case value >= 100:
		return fmt.Sprintf("%.0f", value)
	default:
		return fmt.Sprintf("%.2f", value)
	}
}

func median(values []float64) float64 { return quantile(values, 0.5) }

// quantile is the value below which that share of all is.
func quantile(values []float64, share float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(float64(len(sorted))*share), len(sorted)-1)]
}

// milliseconds are durations as figures.
func milliseconds(durations []time.Duration) []float64 {
	values := make([]float64, len(durations))
	for i, d := range durations {
		values[i] = float64(d) / float64(time.Millisecond)
	}
	return values
}
