package erasure

// Steps of an erasure, in their order, with the row that begins it.
var Steps = []string{"open", stepEvents, stepKeys, stepRows, stepFiles}

// BreakAfter has the desk end, as by a crash, behind a step.
func (d *Desk) BreakAfter(step string, with error) {
	d.after = func(s string) error {
		if s == step {
			return with
		}
		return nil
	}
}

// Skip makes a desk of a broken build, which leaves out a step.
func (d *Desk) Skip(step string) { d.skip = step }

// Copy is another server's desk over the same things.
func (d *Desk) Copy() *Desk {
	return &Desk{Log: d.Log, Commands: d.Commands, DB: d.DB, Owner: d.Owner, Keys: d.Keys, Logger: d.Logger, Find: d.Find, Accepted: d.Accepted, Account: d.Account, MostFull: d.MostFull}
}
