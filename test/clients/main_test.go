package clients

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if len(scenes) > 0 {
		fmt.Printf("%-10s %-45s %5s  time\n%s\n", "client", "scene", "mails", strings.Join(scenes, "\n"))
	}
	os.Exit(code)
}
