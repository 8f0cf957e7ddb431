// Outside opens what Sealtrail signs with the libraries of others.
//
//	outside note VKEY CHECKPOINT        golang.org/x/mod/sumdb/note opens the checkpoint
//	outside proof VKEY LINK PROOF       filippo.io/torchwood verifies the tlog-proof over the SHA-256 of LINK
//
// Exit 0: it holds; 1: it doesn't.
package main

import (
	"crypto/sha256"
	"fmt"
	"os"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 3 {
		return fmt.Errorf("usage: outside note VKEY CHECKPOINT | outside proof VKEY LINK PROOF")
	}
	key, err := note.NewVerifier(args[1])
	if err != nil {
		return err
	}
	file, err := os.ReadFile(args[2])
	if err != nil {
		return err
	}
	switch {
	case args[0] == "note" && len(args) == 3:
		opened, err := note.Open(file, note.VerifierList(key))
		if err != nil {
			return err
		}
		fmt.Print(opened.Text)
		return nil
	case args[0] == "proof" && len(args) == 4:
		proof, err := os.ReadFile(args[3])
		if err != nil {
			return err
		}
		// The entry is the record's hash, which is the digest of the link's text.
		entry := sha256.Sum256(file)
		policy := torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(key.Name()), torchwood.SingleVerifierPolicy(key))
		return torchwood.VerifyProof(policy, tlog.RecordHash(entry[:]), proof)
	}
	return fmt.Errorf("unknown arguments")
}
