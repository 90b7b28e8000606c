package cloud

// Spoil makes the token one that the cloud does not know any more.
func Spoil(h *Service) { h.HTTP.Transport.(*bearer).provider.SetToken("ended") }
