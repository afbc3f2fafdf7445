package observe

import (
	"fmt"
	"maps"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// selects tells whether a selector selects any series that was served.
func (s *stage) selects(selector string) bool {
	matchers, err := promQL.ParseMetricSelector(selector)
	s.must(err)
	return len(s.selected(matchers)) > 0
}

func (s *stage) selected(matchers []*labels.Matcher) (found []labels.Labels) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, series := range s.seen {
		if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(series.Get(m.Name)) }) {
			found = append(found, series)
		}
	}
	return found
}

// problems are what an expression asks for and nobody serves: series, and labels to sum up by.
func (s *stage) problems(expr parser.Expr) (found []string) {
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch of := node.(type) {
		case *parser.VectorSelector:
			if of.Name != "up" && len(s.selected(of.LabelMatchers)) == 0 { // that one Prometheus makes itself
				found = append(found, fmt.Sprintf("nothing is served that is %s", of))
			}
		case *parser.AggregateExpr:
			inner := s.result(of.Expr)
			for _, label := range of.Grouping {
				if !inner[label] {
					found = append(found, fmt.Sprintf("%s has no label %s", of.Expr, label))
				}
			}
		}
		return nil
	})
	return found
}

// result are the labels that the result of an expression can have.
func (s *stage) result(expr parser.Expr) map[string]bool {
	names := map[string]bool{}
	switch of := expr.(type) {
	case *parser.VectorSelector:
		for _, series := range s.selected(of.LabelMatchers) {
			series.Range(func(l labels.Label) { names[l.Name] = true })
		}
	case *parser.AggregateExpr:
		if of.Op == parser.TOPK {
			return s.result(of.Expr)
		}
		for _, label := range of.Grouping {
			names[label] = true
		}
	case *parser.BinaryExpr:
		maps.Copy(names, s.result(of.LHS))
		maps.Copy(names, s.result(of.RHS))
	default:
		for node := range parser.ChildrenIter(expr) {
			if child, ok := node.(parser.Expr); ok {
				maps.Copy(names, s.result(child))
			}
		}
		if call, ok := expr.(*parser.Call); ok && call.Func.Name == "histogram_quantile" {
			delete(names, "le")
		}
	}
	return names
}
