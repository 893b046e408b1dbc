//go:build !unchecked

package access

import "github.com/annals-io/annals/domain"

// judged are the rights as they were found. A build with the tag unchecked, which is for tests alone, gives everybody
// everything instead: what looks for leaks has to find some there. What the second wall asks it is told as it is, see [Wall].
func judged(a domain.Access) domain.Access { return a }
