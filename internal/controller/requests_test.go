package controller

import (
	"testing"
	"time"
)

func TestWhatComesFirst(t *testing.T) {
	for name, test := range map[string]struct{ a, b, want time.Duration }{
		"the first":       {time.Second, time.Minute, time.Second},
		"the second":      {time.Minute, time.Second, time.Second},
		"no first":        {0, time.Minute, time.Minute},
		"no second":       {time.Minute, 0, time.Minute},
		"neither is ever": {0, 0, 0},
	} {
		if got := sooner(test.a, test.b); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}
