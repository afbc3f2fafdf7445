package main

import (
	"context"
	"errors"
	"testing"

	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
)

func TestThatItStopsIsNoError(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	var lines []string
	logger := untilStopped(ctx, funcr.New(func(_, line string) { lines = append(lines, line) }, funcr.Options{}))
	logger.Error(errors.New("no lease"), "Cannot lead", "lock", "x")
	stop()
	logger.Error(errors.New("leader election lost"), "error received after stop sequence was engaged", "lock", "x")
	logger.Error(nil, "Nothing is known of it")
	logger.Info("Wait completed")
	want := []string{
		`"msg"="Cannot lead" "error"="no lease" "lock"="x"`,
		`"level"=0 "msg"="Ended" "lock"="x" "because"="leader election lost"`,
		`"level"=0 "msg"="Ended" "because"="Nothing is known of it"`,
		`"level"=0 "msg"="Wait completed"`,
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
}
