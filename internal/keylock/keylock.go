// Package keylock makes goroutines of one process take turns by key. What holds across processes is the API server's
// business; within one, taking turns spares it the attempts that would lose.
package keylock

import (
	"hash/fnv"
	"sync"
)

// Keys is a set of locks. The zero value is ready for use. Different keys may share a lock.
type Keys struct{ locks [64]sync.Mutex }

// Lock waits for the turn of a key, and gives what ends it.
func (k *Keys) Lock(key string) (unlock func()) {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(key)) // a hash takes everything
	mutex := &k.locks[hash.Sum32()%uint32(len(k.locks))]
	mutex.Lock()
	return mutex.Unlock
}
