package kubectl

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestProgress(t *testing.T) {
	var out bytes.Buffer
	bar := &progress{out: &out}
	bar.begin(4)
	bar.step(false)
	bar.hide()
	for _, failed := range []bool{true, false, false} {
		bar.step(failed)
	}
	got := out.String()
	if want := "\r\x1b[K[=======                       ] 1/4\r\x1b[K"; !strings.HasPrefix(got, want) {
		t.Errorf("it begins with %q", got)
	}
	if want := "\r\x1b[K[" + strings.Repeat("=", 30) + "] 4/4, 1 failed"; !strings.HasSuffix(got, want) {
		t.Errorf("it ends with %q", got)
	}
}

// A file is no terminal, and neither is anything else that is not one.
func TestProgressIsSilentElsewhere(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, bar := range []*progress{newProgress(file), newProgress(&bytes.Buffer{})} {
		bar.begin(1)
		bar.step(false)
		bar.hide()
	}
	if info, err := file.Stat(); err != nil || info.Size() != 0 {
		t.Errorf("%v %v", info, err)
	}
}
