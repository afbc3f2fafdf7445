package schemas

import (
	"errors"
	"regexp"

	"github.com/google/cel-go/common"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/parser"
)

// translate returns what a JSON schema can say of a rule in CEL: never more than the rule, and nothing if it has no words for
// it, as for what was there before, for durations and for moments. self is a list or anything else.
func translate(rule string, isList bool) (node, error) {
	p, err := parser.NewParser(parser.Macros(parser.HasMacro), parser.EnableOptionalSyntax(true))
	if err != nil {
		return nil, err
	}
	parsed, problems := p.Parse(common.NewTextSource(rule))
	if len(problems.GetErrors()) > 0 {
		return nil, errors.New(problems.ToDisplayString())
	}
	says, err := scope{self: "self", isList: isList}.of(parsed.Expr())
	return says.schema, err
}

// scope is what a rule is about.
type scope struct {
	self   string // what it calls the value
	isList bool
}

// said is what a JSON schema says of an expression. It is exact if it takes the very values for which the expression is true, and
// otherwise takes more. A nil schema takes everything.
type said struct {
	schema node
	exact  bool
}

func exactly(schema node) said { return said{schema, true} }

func (s scope) of(e ast.Expr) (said, error) {
	if e.Kind() == ast.CallKind {
		return s.ofCall(e.AsCall())
	}
	if e.Kind() == ast.SelectKind && e.AsSelect().IsTestOnly() && s.isSelf(e.AsSelect().Operand()) {
		return exactly(node{"required": []any{e.AsSelect().FieldName()}}), nil
	}
	return said{}, nil
}

func (s scope) ofCall(call ast.CallExpr) (said, error) {
	args := call.Args()
	switch call.FunctionName() {
	case operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot, operators.NotEquals:
		return s.ofOperator(call.FunctionName(), args)
	case operators.Equals:
		return s.oneOf(args[0], args[1]), nil
	case operators.In:
		if args[1].Kind() == ast.ListKind {
			return s.oneOf(args[0], args[1].AsList().Elements()...), nil
		}
	case operators.Greater:
		return s.atLeast(args[0], args[1], 1), nil
	case operators.GreaterEquals:
		return s.atLeast(args[0], args[1], 0), nil
	case operators.LessEquals:
		return s.ofLength(args[0], args[1], "max", 0), nil
	case "matches", "contains":
		return s.ofText(call)
	case "all":
		if !s.isSelf(call.Target()) {
			return said{}, nil
		}
		below, err := scope{self: args[0].AsIdent()}.of(args[1])
		if err != nil || below.schema == nil {
			return said{}, err
		}
		if s.isList {
			return said{node{"items": below.schema}, below.exact}, nil
		}
		return said{node{"propertyNames": below.schema}, below.exact}, nil
	}
	return said{}, nil
}

func (s scope) ofOperator(operator string, args []ast.Expr) (said, error) {
	var parts []said
	for _, arg := range args {
		part, err := s.of(arg)
		if err != nil {
			return said{}, err
		}
		parts = append(parts, part)
	}
	switch first, second := parts[0], parts[len(parts)-1]; operator {
	case operators.LogicalNot:
		return not(first), nil
	case operators.LogicalAnd:
		return first.and(second), nil
	case operators.LogicalOr:
		return first.or(second), nil
	default:
		if isText(args[1]) {
			return not(s.oneOf(args[0], args[1])), nil
		}
		return first.orElse(second), nil
	}
}

func not(s said) said {
	if !s.exact {
		return said{}
	}
	return exactly(node{"not": s.schema})
}

func (s said) and(other said) said {
	both := node{}
	add(both, s.schema)
	add(both, other.schema)
	if len(both) == 0 {
		return said{}
	}
	return said{both, s.exact && other.exact}
}

func (s said) or(other said) said {
	if s.schema == nil || other.schema == nil {
		return said{}
	}
	return said{node{"anyOf": []any{s.schema, other.schema}}, s.exact && other.exact}
}

// orElse is one of the two, and not both.
func (s said) orElse(other said) said {
	if !s.exact || !other.exact {
		return said{}
	}
	return exactly(node{"oneOf": []any{s.schema, other.schema}})
}

// oneOf is that the value, or a field of it, is one of some texts.
func (s scope) oneOf(what ast.Expr, values ...ast.Expr) said {
	var texts []any
	for _, value := range values {
		if !isText(value) {
			return said{}
		}
		texts = append(texts, value.AsLiteral().Value())
	}
	if s.isSelf(what) {
		return exactly(node{"enum": texts})
	}
	if what.Kind() == ast.SelectKind && s.isSelf(what.AsSelect().Operand()) {
		field := what.AsSelect().FieldName()
		return exactly(node{"properties": node{field: node{"enum": texts}}, "required": []any{field}})
	}
	return said{}
}

// ofText is what a pattern says of the value.
func (s scope) ofText(call ast.CallExpr) (said, error) {
	if !s.isSelf(call.Target()) || !isText(call.Args()[0]) {
		return said{}, nil
	}
	text := call.Args()[0].AsLiteral().Value().(string)
	if call.FunctionName() == "contains" {
		text = regexp.QuoteMeta(text)
	}
	pattern, err := dialect(text)
	return exactly(node{"pattern": pattern}), err
}

func (s scope) atLeast(what, bound ast.Expr, more int64) said {
	return s.ofLength(what, bound, "min", more)
}

// ofLength is a bound of how many items or characters the value has.
func (s scope) ofLength(what, bound ast.Expr, end string, more int64) said {
	if what.Kind() != ast.CallKind || what.AsCall().FunctionName() != "size" || bound.Kind() != ast.LiteralKind {
		return said{}
	}
	call := what.AsCall()
	of := call.Target()
	if !call.IsMemberFunction() {
		of = call.Args()[0]
	}
	count, isNumber := bound.AsLiteral().Value().(int64)
	if !s.isSelf(of) || !isNumber {
		return said{}
	}
	if s.isList {
		return exactly(node{end + "Items": count + more})
	}
	return exactly(node{end + "Length": count + more})
}

func (s scope) isSelf(e ast.Expr) bool { return e.Kind() == ast.IdentKind && e.AsIdent() == s.self }

func isText(e ast.Expr) bool {
	if e.Kind() != ast.LiteralKind {
		return false
	}
	_, ok := e.AsLiteral().Value().(string)
	return ok
}
