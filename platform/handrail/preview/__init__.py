"""What a stack would register, for people: built from a plan where the program is plain, else from the recorder."""
