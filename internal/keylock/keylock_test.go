package keylock

import (
	"strconv"
	"sync"
	"testing"
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

// A turn that is over can be taken by others, also of keys that share a lock.
func TestAKeyIsFreeAfterItsTurn(t *testing.T) {
	var keys Keys
	taken := 0
	for i := range 200 {
		unlock := keys.Lock(strconv.Itoa(i))
		taken++
		unlock()
	}
	if taken != 200 {
		t.Errorf("%d turns", taken)
	}
}
