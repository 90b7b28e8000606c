// Package request reads what an engine asks of a resource type: typed values out
// of checked properties, and names made from the request. It checks nothing that
// a schema checks, and makes nothing.
package request
