package history

// InSteps makes an importer take so many events at once.
func InSteps(i *Importer, n int) { i.page = n }
