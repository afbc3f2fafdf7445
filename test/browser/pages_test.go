package browser

import (
	"testing"
)

// Every page can be reached, and does nothing that its policy forbids, or that leads to another host.
func TestPages(t *testing.T) {
	for _, p := range All {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			v := visit(t, p.Name)
			if err := v.Reach(p); err != nil {
				t.Fatal(err)
			}
			for _, fault := range v.Tab.Faults() {
				t.Error(fault)
			}
		})
	}
}
