package browser

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/partner-operator/partner-operator/test/browser/chromium"
)

// world is what the tests share.
var world *World

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
	world, err = Start(context.Background(), "../..")
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
func visit(t *testing.T, tenant string) *Visit {
	t.Helper()
	v, err := world.NewVisit(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}
