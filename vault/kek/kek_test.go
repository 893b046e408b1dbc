package kek

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/annals-io/annals/vault"
)

func newKey(t *testing.T) tink.AEAD {
	t.Helper()
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		t.Fatal(err)
	}
	k, err := aead.New(h)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// fake is a service that speaks as one of them does, over HTTP.
func fake(t *testing.T, answer func(r *http.Request, in map[string]any) (any, error)) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		in := map[string]any{}
		_ = json.Unmarshal(body, &in)
		out, err := answer(r, in)
		w.Header().Set("Content-Type", "application/json")
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			out = map[string]any{"errors": []string{"refused"}, "__type": "InvalidCiphertextException", "error": map[string]any{"code": 400, "message": "refused"}}
		}
		_ = json.NewEncoder(w).Encode(out)
	}))
	t.Cleanup(s.Close)
	return s
}

func fromBase64(v any) []byte {
	s, _ := v.(string)
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		if b, err := e.DecodeString(s); err == nil {
			return b
		}
	}
	return nil
}

func crc(b []byte) json.Number {
	sum, _ := json.Marshal(int64(crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))))
	return json.Number(sum)
}

// fakeAWS speaks the JSON protocol of AWS KMS.
func fakeAWS(t *testing.T, key tink.AEAD) string {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	s := fake(t, func(r *http.Request, in map[string]any) (any, error) {
		if !strings.Contains(r.Header.Get("Authorization"), "/eu-central-1/kms/") {
			t.Errorf("the request is signed as %q", r.Header.Get("Authorization"))
		}
		context, _ := in["EncryptionContext"].(map[string]any)
		ad, _ := json.Marshal(context)
		id := in["KeyId"]
		switch _, what, _ := strings.Cut(r.Header.Get("X-Amz-Target"), "."); what {
		case "Encrypt":
			c, err := key.Encrypt(fromBase64(in["Plaintext"]), ad)
			return map[string]any{"CiphertextBlob": c, "KeyId": id}, err
		default:
			p, err := key.Decrypt(fromBase64(in["CiphertextBlob"]), ad)
			return map[string]any{"Plaintext": p, "KeyId": id}, err
		}
	})
	t.Setenv("AWS_ENDPOINT_URL_KMS", s.URL)
	return "aws-kms://arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
}

// fakeGCP speaks the REST of Google Cloud KMS, with the checksums that it is held to.
func fakeGCP(t *testing.T, key tink.AEAD) string {
	s := fake(t, func(r *http.Request, in map[string]any) (any, error) {
		ad := fromBase64(in["additionalAuthenticatedData"])
		if strings.HasSuffix(r.URL.Path, ":encrypt") {
			c, err := key.Encrypt(fromBase64(in["plaintext"]), ad)
			return map[string]any{"ciphertext": c, "ciphertextCrc32c": crc(c).String(), "verifiedPlaintextCrc32c": true, "verifiedAdditionalAuthenticatedDataCrc32c": true}, err
		}
		p, err := key.Decrypt(fromBase64(in["ciphertext"]), ad)
		return map[string]any{"plaintext": p, "plaintextCrc32c": crc(p).String()}, err
	})
	t.Setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS", s.URL+"/")
	return "gcp-kms://projects/p/locations/global/keyRings/r/cryptoKeys/k"
}

// fakeVault speaks the HTTP of Vault's transit engine.
func fakeVault(t *testing.T, key tink.AEAD) string {
	t.Setenv("VAULT_TOKEN", "hvs.test")
	s := fake(t, func(r *http.Request, in map[string]any) (any, error) {
		if r.Header.Get("X-Vault-Token") != "hvs.test" {
			t.Errorf("the token is %q", r.Header.Get("X-Vault-Token"))
		}
		ad := fromBase64(in["associated_data"])
		if strings.Contains(r.URL.Path, "/transit/encrypt/annals") {
			c, err := key.Encrypt(fromBase64(in["plaintext"]), ad)
			return map[string]any{"data": map[string]any{"ciphertext": "vault:v1:" + base64.StdEncoding.EncodeToString(c)}}, err
		}
		text, _ := in["ciphertext"].(string)
		p, err := key.Decrypt(fromBase64(strings.TrimPrefix(text, "vault:v1:")), ad)
		return map[string]any{"data": map[string]any{"plaintext": base64.StdEncoding.EncodeToString(p)}}, err
	})
	t.Setenv("VAULT_ADDR", s.URL)
	u, _ := url.Parse(s.URL)
	return "hcvault://" + u.Host + "/transit/keys/annals"
}

// Given a key in each of the services, names are sealed under it and read again by another process, and by nobody without
// the service; a service whose key is another one opens nothing.
func TestKeysUnderAService(t *testing.T) {
	for name, start := range map[string]func(*testing.T, tink.AEAD) string{"AWS KMS": fakeAWS, "Google Cloud KMS": fakeGCP, "Vault": fakeVault} {
		t.Run(name, func(t *testing.T) {
			uri, dir := start(t, newKey(t)), t.TempDir()
			at := func(uri string) *vault.Keys {
				t.Helper()
				k, err := vault.OpenWith(vault.Config{Dir: dir, KEK: uri, Service: Open})
				if err != nil {
					t.Fatal(err)
				}
				return k
			}
			sealed, err := at(uri).Seal("account-1", "Ada")
			if err != nil {
				t.Fatal(err)
			}
			if got, err := at("").Reveal(sealed); got != "Ada" || err != nil {
				t.Errorf("another process reads %q, %v", got, err)
			}
			if _, err := vault.Open(dir); err == nil {
				t.Error("the keys were opened without the service")
			}
			if r, err := at("").Rotate(t.Context(), vault.LocalKEK, nil); err != nil || r.Wrapped != 1 {
				t.Errorf("back to a file: %+v, %v", r, err)
			}
			if got, err := at(vault.LocalKEK).Reveal(sealed); got != "Ada" || err != nil {
				t.Errorf("from the file: %q, %v", got, err)
			}
			if _, err := at("").Rotate(t.Context(), uri, nil); err != nil {
				t.Errorf("to the service again: %v", err)
			}
			start(t, newKey(t)) // another service, of the same address but for the port
			k, err := Open(uri)
			if err != nil {
				t.Fatal(err)
			}
			if name != "Vault" {
				if p, err := k.Decrypt(bytes.Repeat([]byte{1}, 64), []byte("x")); err == nil {
					t.Errorf("a service with another key opened %x", p)
				}
			}
		})
	}
}

// What is no address of a key is refused in words that say what one looks like.
func TestAddresses(t *testing.T) {
	t.Parallel()
	for uri, ok := range map[string]bool{
		"aws-kms://arn:aws:kms:us-east-1:111122223333:key/1": true, "aws-kms://arn:aws-us-gov:kms:us-gov-east-1:1:alias/annals": true,
		"gcp-kms://projects/p/locations/l/keyRings/r/cryptoKeys/k": true, "hcvault://vault.example:8200/transit/keys/annals": true,
		"aws-kms://alias/annals": false, "gcp-kms://projects/p": false, "hcvault://vault.example:8200/secret": false, "https://vault.example": false, "": false, "file": false,
	} {
		if err := Check(uri); (err == nil) != ok {
			t.Errorf("%s: %v", uri, err)
		}
	}
}
