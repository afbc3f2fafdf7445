package clients

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	code := m.Run()
	if len(table) > 0 {
		fmt.Printf("%-10s %-45s %5s  time\n%s\n", "client", "scene", "mails", strings.Join(table, "\n"))
	}
	os.Exit(code)
}
