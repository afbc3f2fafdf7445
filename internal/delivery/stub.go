package delivery

import "time"

type SenderCircuit struct{}

func (c *SenderCircuit) Ask(t Try, now time.Time) (Answer, time.Time)                 { return Granted, time.Time{} }
func (c *SenderCircuit) Withdraw(t Try)                                               {}
func (c *SenderCircuit) Learn(t Try, o Outcome, now time.Time) (Outcome, []Try)       { return o, nil }
func (c *SenderCircuit) Hold() *Hold                                                  { return nil }
func (c *SenderCircuit) Limit() int                                                   { return 0 }
func (c *SenderCircuit) Slow() bool                                                   { return false }
func (c *SenderCircuit) Fault() string                                                { return "" }

type ServerCircuit struct{}

func (c *ServerCircuit) Ask(now time.Time) (Answer, time.Time) { return Granted, time.Time{} }
func (c *ServerCircuit) Withdraw()                             {}
func (c *ServerCircuit) Learn(o Outcome, now time.Time)        {}
func (c *ServerCircuit) Probed(o Outcome, now time.Time)       {}
func (c *ServerCircuit) ProbeAt() time.Time                    { return time.Time{} }
func (c *ServerCircuit) Limit() int                            { return 0 }
func (c *ServerCircuit) Hold() *Hold                           { return nil }
func (c *ServerCircuit) Fault() (string, string)               { return "", "" }
