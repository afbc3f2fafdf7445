package mail

import (
	"fmt"
	"text/template/parse"
)

// shape is what a value in a template can be; several at once, where that depends on the data.
type shape uint8

const (
	aText    shape = 1 << iota // or a number, or true or false
	allData                    // Data
	aProgram                   // ProgramLine
	programs                   // the list of programs
	fields                     // the custom fields
)

// mostVariables and mostRounds bound how long it takes to find what variables can be.
const (
	mostVariables = 100
	mostRounds    = 10
)

// shapeOfField is what a field of the data is; all others are texts.
var shapeOfField = map[string]shape{"Programs": programs, "CustomFields": fields}

// printing finds what the actions of a template print. It follows the shapes of values through variables, pipes and
// functions, in all branches, whether or not a mail gets there.
type printing struct {
	tree *parse.Tree
	// variables in force, the innermost last; shapes are what those that a node declares can be.
	variables []declared
	shapes    map[*parse.VariableNode]shape
	grown     bool
}

type declared struct {
	name string
	by   *parse.VariableNode // nil: it is $
}

// checkPrinted refuses a template that prints all of the data, a program, a list or a map: that is not for readers, and
// who wrote the template may not have meant all that is in it.
func checkPrinted(tree *parse.Tree) error {
	p := &printing{tree: tree, shapes: map[*parse.VariableNode]shape{}}
	for range mostRounds { // what is assigned in a range can be read before it, in the next round
		p.grown = false
		p.variables = []declared{{name: "$"}}
		if err := p.node(tree.Root, allData); err != nil || !p.grown {
			return err
		}
		if len(p.shapes) > mostVariables {
			return fmt.Errorf("%s has more than %d variables", tree.Name, mostVariables)
		}
	}
	return fmt.Errorf("%s assigns variables to each other in too many steps", tree.Name)
}

// node checks a node where the dot can be of a shape.
func (p *printing) node(node parse.Node, dot shape) error {
	switch n := node.(type) {
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		for _, each := range n.Nodes {
			if err := p.node(each, dot); err != nil {
				return err
			}
		}
	case *parse.ActionNode:
		if printed := p.pipe(n.Pipe, dot); len(n.Pipe.Decl) == 0 && printed&^aText != 0 {
			location, _ := p.tree.ErrorContext(n)
			return fmt.Errorf("%s: %s is more than a text; write a part of it", location, n.Pipe)
		}
	case *parse.IfNode:
		return p.branch(&n.BranchNode, dot, func(shape) shape { return dot })
	case *parse.WithNode:
		return p.branch(&n.BranchNode, dot, func(of shape) shape { return of })
	case *parse.RangeNode:
		return p.branch(&n.BranchNode, dot, func(shape) shape { return aProgram })
	}
	return nil
}

// branch checks both branches; within tells what the dot is in the first.
func (p *printing) branch(n *parse.BranchNode, dot shape, within func(shape) shape) error {
	outside := len(p.variables)
	defer func() { p.variables = p.variables[:outside] }()
	of := p.commands(n.Pipe, dot)
	for i, variable := range n.Pipe.Decl {
		if n.NodeType == parse.NodeRange { // the last is the program, one before it the index
			of = []shape{aProgram, aText}[len(n.Pipe.Decl)-1-i]
		}
		p.declare(variable, n.Pipe.IsAssign, of)
	}
	declared := len(p.variables)
	if err := p.node(n.List, within(of)); err != nil || n.ElseList == nil {
		return err
	}
	p.variables = p.variables[:declared]
	return p.node(n.ElseList, dot)
}

// pipe is what a pipeline gives, also to the variables that it declares or assigns.
func (p *printing) pipe(pipe *parse.PipeNode, dot shape) shape {
	of := p.commands(pipe, dot)
	for _, variable := range pipe.Decl {
		p.declare(variable, pipe.IsAssign, of)
	}
	return of
}

// commands is what the last command of a pipeline gives.
func (p *printing) commands(pipe *parse.PipeNode, dot shape) (of shape) {
	for i, command := range pipe.Cmds {
		var piped []shape
		if i > 0 {
			piped = []shape{of}
		}
		of = p.command(command.Args, piped, dot)
	}
	return of
}

// declare notes what a variable can be; assigned, it is one that was declared before.
func (p *printing) declare(variable *parse.VariableNode, assigned bool, of shape) {
	if !assigned {
		p.variables = append(p.variables, declared{variable.Ident[0], variable})
	}
	declared := p.find(variable.Ident[0])
	if declared == nil {
		return // assigning to $ makes it no text
	}
	if before, known := p.shapes[declared]; before|of != before || !known {
		p.shapes[declared] = before | of
		p.grown = true
	}
}

// find is the node that declares a variable; nil: it is $.
func (p *printing) find(name string) *parse.VariableNode {
	for i := len(p.variables) - 1; i >= 0; i-- {
		if p.variables[i].name == name {
			return p.variables[i].by
		}
	}
	return nil
}

// command is what a function of these arguments, and of what is piped to it, gives; or the one value there is.
func (p *printing) command(args []parse.Node, piped []shape, dot shape) shape {
	function, ok := args[0].(*parse.IdentifierNode)
	if !ok {
		return p.value(args[0], dot)
	}
	var of []shape
	for _, arg := range args[1:] {
		of = append(of, p.value(arg, dot))
	}
	of = append(of, piped...)
	switch {
	case len(of) == 0:
		return aText
	case function.Ident == "and", function.Ident == "or":
		var either shape
		for _, each := range of {
			either |= each
		}
		return either
	case function.Ident == "slice", function.Ident == "index" && len(of) == 1:
		return of[0]
	case function.Ident == "index":
		return partOf(of[0])
	default:
		return aText
	}
}

// partOf is what a value holds under an index.
func partOf(of shape) shape {
	part := aText
	if of&programs != 0 {
		part |= aProgram
	}
	return part
}

func (p *printing) value(node parse.Node, dot shape) shape {
	switch n := node.(type) {
	case *parse.DotNode:
		return dot
	case *parse.FieldNode:
		return partBy(dot, n.Ident)
	case *parse.VariableNode:
		declared := p.find(n.Ident[0])
		if declared == nil {
			return partBy(allData, n.Ident[1:])
		}
		return partBy(p.shapes[declared], n.Ident[1:])
	case *parse.ChainNode:
		return partBy(p.value(n.Node, dot), n.Field)
	case *parse.PipeNode:
		return p.pipe(n, dot)
	case *parse.IdentifierNode:
		return p.command([]parse.Node{n}, nil, dot)
	default:
		return aText
	}
}

// partBy is what a value holds under names.
func partBy(of shape, names []string) shape {
	switch {
	case len(names) == 0:
		return of
	case len(names) == 1 && of&allData != 0 && shapeOfField[names[0]] != 0:
		return shapeOfField[names[0]]
	default:
		return aText
	}
}
