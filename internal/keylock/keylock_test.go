package keylock

import (
	"strconv"
	"sync"
	"testing"
	"time"
)

func TestWhoHoldsAKeyIsAlone(t *testing.T) {
	var (
		keys  Keys
		count [3]int // unguarded but for the keys; the race detector looks on
		done  sync.WaitGroup
	)
	for range 50 {
		for key := range count {
			done.Go(func() {
				defer keys.Lock(strconv.Itoa(key))()
				count[key]++
			})
		}
	}
	done.Wait()
	if count != [3]int{50, 50, 50} {
		t.Errorf("counted %v", count)
	}
}

// A key that is held long, by somebody whose API server does not answer, holds up nobody with another key.
func TestAKeyHoldsUpNoOther(t *testing.T) {
	var keys Keys
	defer keys.Lock("held")()
	others := make(chan struct{})
	go func() {
		defer close(others)
		for i := range 1000 {
			keys.Lock(strconv.Itoa(i))()
		}
	}()
	select {
	case <-others:
	case <-time.After(10 * time.Second):
		t.Error("another key waits for it")
	}
}

func TestNothingIsKeptOfTurnsThatAreOver(t *testing.T) {
	var keys Keys
	for i := range 200 {
		unlock := keys.Lock(strconv.Itoa(i % 100))
		unlock()
	}
	if len(keys.turns) != 0 {
		t.Errorf("%d keys are kept", len(keys.turns))
	}
}
