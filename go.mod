module github.com/stoker-project/stoker

go 1.26.8
