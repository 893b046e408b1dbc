package esdb

import (
	"reflect"
	"strings"
	"testing"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// Every option that the client knows changes something here, or is refused by its name; no other is taken.
func TestEveryOptionIsHonouredOrRefused(t *testing.T) {
	t.Parallel()
	plain, err := parse("esdb://u:p@localhost:2113")
	if err != nil {
		t.Fatal(err)
	}
	ca, cert, key := certificates(t)
	values := map[string]string{
		"discoveryInterval": "7", "gossipTimeout": "8", "maxDiscoverAttempts": "9", "keepAliveInterval": "12345", "keepAliveTimeout": "23456", "tls": "false",
		"tlsCaFile": ca, "tlsVerifyCert": "false", "userCertFile": cert + "&userKeyFile=" + key, "userKeyFile": key + "&userCertFile=" + cert, "defaultDeadline": "4321",
	}
	for _, option := range settings {
		value, ok := values[option]
		if !ok {
			continue
		}
		for _, spelled := range []string{option, strings.ToLower(option)} {
			config, err := parse("esdb://u:p@localhost:2113?" + spelled + "=" + value)
			if err != nil {
				t.Errorf("%s: %v", spelled, err)
			} else if same(config, plain) {
				t.Errorf("%s=%s changes nothing", spelled, value)
			}
		}
	}
	for option, value := range map[string]string{ // of each kind one that is wrong
		"discoveryInterval": "x", "gossipTimeout": "1.5", "maxDiscoverAttempts": "many", "nodePreference": "follower", "keepAliveInterval": "-7", "keepAliveTimeout": "soon", "tls": "no",
		"tlsCaFile": "nowhere.crt", "tlsVerifyCert": "maybe", "userCertFile": "nowhere.crt&userKeyFile=nowhere.key", "userKeyFile": key, "defaultDeadline": "0",
		"connectionName": "a", "tlsCaPath": "a", "throwOnAppendFailure": "true",
	} {
		_, err := parse("esdb://u:secret@localhost:2113?" + option + "=" + value)
		named, _, _ := strings.Cut(value, "&")
		if err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(option)) && !strings.Contains(err.Error(), named) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s=%s: %v; want it refused by its name", option, value, err)
		}
	}
	for _, preference := range []string{"random", "readOnlyReplica", "follower"} {
		if _, err := parse("esdb://localhost?nodePreference=" + preference); err == nil || !strings.Contains(err.Error(), "only the leader") {
			t.Errorf("nodePreference=%s: %v", preference, err)
		}
	}
	if _, err := parse("esdb://localhost?nodePreference=leader"); err != nil {
		t.Error(err)
	}
}

func same(a, b *client.Configuration) bool {
	x, y := *a, *b
	x.Logger, y.Logger = nil, nil
	return reflect.DeepEqual(x, y)
}
