package embedded

// Moved pretends other places than those below /var, for data and binaries.
func (c Config) Moved(data, cache string) Config {
	c.machine.movedData, c.machine.movedCache = data, cache
	return c
}

// Bare pretends that nothing is installed, but what the patterns name.
func (c Config) Bare(installed ...string) Config {
	c.machine.installed = append([]string{}, installed...)
	return c
}

// WithoutSockets pretends that no directory takes a Unix socket.
func (c Config) WithoutSockets() Config {
	c.machine.noSockets = true
	return c
}

// Platform is the name under which binaries for this machine are published.
func Platform() string { return platform() }

// OpenLog and TrimLog are the two halves of keeping the log small under a running server.
var (
	OpenLog = openLog
	TrimLog = trimLog
)
