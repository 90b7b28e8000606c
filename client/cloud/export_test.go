package cloud

// Spoil makes the token one that the cloud does not know any more.
func Spoil(h *Heat) { h.HTTP.Transport.(*bearer).provider.SetToken("ended") }
