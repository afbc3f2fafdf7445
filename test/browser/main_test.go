// Package browser uses the portal as people do, with a real Chromium, a real API server and real mail: every page in
// every state, the main walks, the keyboard alone, and what mail scanners do.
package browser

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/partner-operator/partner-operator/test/browser/chromium"
	"github.com/partner-operator/partner-operator/test/browser/pages"
)

// world is what the tests share.
var world *pages.World

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if _, err := chromium.Find(); err != nil {
		fmt.Printf("NOT TESTED: the portal in a browser, for %v\n", err)
		return 0, nil
	}
	world, err = pages.Start(context.Background(), "../..")
	if err != nil {
		return 1, err
	}
	defer func() {
		if stopped := world.Stop(); err == nil {
			err = stopped
		}
	}()
	return m.Run(), nil
}

// visit makes a tenant for a test, and a tab in it.
func visit(t *testing.T, tenant string) *pages.Visit {
	t.Helper()
	v, err := world.NewVisit(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}
