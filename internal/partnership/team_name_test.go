package partnership

import (
	"strings"
	"testing"
)

func TestTeamName(t *testing.T) {
	long := strings.Repeat("a", 60)
	for name, test := range map[string]struct{ team, program, want string }{
		"two names":         {"agency", "referral", "agency-referral"},
		"just short enough": {strings.Repeat("a", 54), "referral", strings.Repeat("a", 54) + "-referral"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := TeamName(test.team, test.program); got != test.want {
				t.Errorf("TeamName = %q", got)
			}
		})
	}
	seen := map[string]bool{}
	for _, program := range []string{"referral", "reseller", "referral-2"} {
		got := TeamName(long, program)
		if len(got) > 63 || seen[got] {
			t.Errorf("%q has %d characters, or is there twice", got, len(got))
		}
		seen[got] = true
	}
	if LongTeamName("a-b", "c") == LongTeamName("a", "b-c") {
		t.Error("two pairs of names have one name")
	}
}
