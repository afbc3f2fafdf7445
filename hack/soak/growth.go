package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// judged is how old a process must be for its growth to say something: its caches are full, and the tenants that come are
	// as many as those that go.
	judged = 4 * time.Minute
	// judgedAtLeast is so for figures that do not follow the number of objects.
	judgedAtLeast = 40 * time.Second
)

// figure is something that must not grow, and by how much it may, since the load is random.
type figure struct {
	name string
	of   func(sample) float64
	// more and plus: the median of the last quarter may be the second quarter's, so many times as much, and this beside it.
	more, plus float64
	// follows: it follows the number of objects, and is judged only in processes that are old enough.
	follows bool
	unit    float64
}

// figures are bounded as loosely as the load varies: what leaks with each request or object grows many times over.
var figures = []figure{
	// A goroutine for each kept connection of a person, of whom there are some 20.
	{"goroutines", func(s sample) float64 { return s.Goroutines }, 1.2, 20, false, 1},
	// What is live after a collection, of caches that hold a few hundred objects.
	{"heap MiB", func(s sample) float64 { return s.Heap }, 1.25, 10 << 20, true, 1 << 20},
	// Go gives memory back late, and a collection at a bad moment doubles it once.
	{"RSS MiB", func(s sample) float64 { return s.RSS }, 1.3, 30 << 20, true, 1 << 20},
	{"descriptors", func(s sample) float64 { return s.Descriptors }, 1.2, 20, false, 1},
	{"queue", func(s sample) float64 { return s.Queue }, 1.5, 10, false, 1},
	// Series of metrics come with tenants and routes.
	{"lines of metrics", func(s sample) float64 { return s.Lines }, 1.25, 100, true, 1},
}

// grown compares the second quarter of the life of each process with its last one. It gives what grew, and a line for each
// figure of each process that it could judge.
func grown(lives []life) (found []finding, lines []string) {
	for _, l := range lives {
		l.Samples = inOneRole(l.Samples)
		if len(l.Samples) < 8 {
			continue
		}
		first, last := l.Samples[0].At, l.Samples[len(l.Samples)-1].At
		age := last.Sub(first)
		if age < judgedAtLeast {
			continue
		}
		role := "waits to lead"
		if l.Samples[0].Leads {
			role = "leads"
		}
		lines = append(lines, fmt.Sprintf("replica %s %s, a process of %s", l.Replica, role, age.Round(time.Second)))
		for _, f := range figures {
			before, after := median(l.Samples, first.Add(age/4), first.Add(age/2), f.of), median(l.Samples, first.Add(age*3/4), last, f.of)
			verdict := "ok"
			switch {
			case within(l.Samples, first.Add(age/4), first.Add(age/2)) < 5:
				verdict = "not judged: it did not answer in its second quarter"
			case f.follows && age < judged:
				verdict = "not judged: younger than " + judged.String()
			case after > before*f.more+f.plus:
				verdict = "GROWS"
				found = append(found, finding{"grows", fmt.Sprintf("%s of replica %s: %.1f, and %.1f in the last quarter of %s", f.name, l.Replica, before/f.unit, after/f.unit, age.Round(time.Second))})
			}
			lines = append(lines, fmt.Sprintf("  %-17s %s  %s", f.name, series(l.Samples, f), verdict))
		}
	}
	return found, lines
}

// inOneRole are the last samples in which a process leads, or does not, all along: a leader has more to do.
func inOneRole(of []sample) []sample {
	from := len(of) - 1
	for from > 0 && of[from-1].Leads == of[from].Leads {
		from--
	}
	return of[max(from, 0):]
}

// within counts the samples of a time.
func within(of []sample, from, to time.Time) (count int) {
	for _, s := range of {
		if !s.At.Before(from) && !s.At.After(to) {
			count++
		}
	}
	return count
}

// median is that of the samples of a time.
func median(of []sample, from, to time.Time, value func(sample) float64) float64 {
	var values []float64
	for _, s := range of {
		if !s.At.Before(from) && !s.At.After(to) {
			values = append(values, value(s))
		}
	}
	return middle(values)
}

func middle[T cmp.Ordered](values []T) (none T) {
	if len(values) == 0 {
		return none
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// series are eight figures of a life, in short.
func series(of []sample, f figure) string {
	const most = 8
	var shown []string
	for n := range most {
		part := of[n*len(of)/most : (n+1)*len(of)/most]
		shown = append(shown, fmt.Sprintf("%6.1f", median(part, part[0].At, part[len(part)-1].At, f.of)/f.unit))
	}
	return strings.Join(shown, " ")
}

// leveled tells whether the number of objects in the cluster levels off. It is judged once the first tenants are gone.
func leveled(counts []count, from time.Time) []finding {
	var late []count
	for _, c := range counts {
		if c.at.After(from) {
			late = append(late, c)
		}
	}
	if len(late) < 8 {
		return nil
	}
	of := func(part []count) int {
		var values []int
		for _, c := range part {
			values = append(values, c.objects)
		}
		return middle(values)
	}
	n := len(late)
	before, after := of(late[n/4:n/2]), of(late[n*3/4:])
	if after > before*3/2+100 {
		return []finding{{"grows", fmt.Sprintf("the objects of all tenants: %d, and %d in the end", before, after)}}
	}
	return nil
}
