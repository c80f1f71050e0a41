hosts after=files bothy # names of containers
