// Package keylock makes goroutines of one process take turns by key. What holds across processes is the API server's
// business; within one, taking turns spares it the attempts that would lose.
package keylock

import "sync"

// Keys is a set of locks, one for each key that somebody holds or waits for. The zero value is ready for use.
type Keys struct {
	mutex sync.Mutex
	turns map[string]*turn
}

// turn is the lock of one key, and how many hold it or wait for it.
type turn struct {
	mutex sync.Mutex
	users int
}

// Lock waits for the turn of a key, and gives what ends it. Whoever holds another key is not waited for.
func (k *Keys) Lock(key string) (unlock func()) {
	t := k.enter(key)
	t.mutex.Lock()
	return func() {
		t.mutex.Unlock()
		k.leave(key, t)
	}
}

func (k *Keys) enter(key string) *turn {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	t := k.turns[key]
	if t == nil {
		if k.turns == nil {
			k.turns = map[string]*turn{}
		}
		t = &turn{}
		k.turns[key] = t
	}
	t.users++
	return t
}

func (k *Keys) leave(key string, t *turn) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if t.users--; t.users == 0 {
		delete(k.turns, key)
	}
}
