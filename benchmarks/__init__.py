"""What is claimed about speed: each module measures one ratio within one run."""
